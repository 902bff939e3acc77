//! The tasks that slots may begin by themselves.
//!
//! Between two commands a slot would wait for the loop to hear that the first has ended, and to say
//! what is next. Where that is known beforehand the slot need not wait.

use super::consumer::ConsumerPhase;
use super::delivery::Delivery;
use super::policy::Ack;
use super::worker::Worker;

impl Worker {
    /// The tasks that begin, one after the other, when the commands in any slots end, whatever came of
    /// them. That holds as long as this worker is told of nothing else, at whatever time.
    pub fn next_tasks(&self) -> impl Iterator<Item = &Delivery> {
        let local = &self.intake.local;
        // Else there may be no next task, or it is another one by then.
        let is_certain = self.consumer.phase == ConsumerPhase::Consuming
            && self.settings.ack == Ack::After
            && self.may_begin()
            && !self.stopping.is_under_way()
            && self.slots.is_full()
            && local.is_in_order();
        let max = self.settings.ending.max_tasks;
        let left = max.map_or(u64::MAX, |max| max.get().saturating_sub(self.tally.begun));
        let most = if is_certain { left } else { 0 };
        let next = local
            .iter()
            .take(usize::try_from(most).unwrap_or(usize::MAX));
        // One that came back may be under way here.
        next.take_while(|next| !next.redelivered)
    }

    /// After how many ends of commands there is more to do than to begin the next tasks, as far as is
    /// known: at least 1.
    #[must_use]
    pub fn ends_until_due(&self) -> usize {
        let due = self.acks.until_due().min(self.settling.results.until_due());
        due.max(1)
    }
}
