//! The task that a slot may begin by itself.
//!
//! Between two commands a slot would wait for the loop to hear that the first has ended, and to say
//! what is next. Where that is known beforehand the slot need not wait.

use super::consumer::ConsumerPhase;
use super::delivery::Delivery;
use super::policy::Ack;
use super::worker::Worker;

impl Worker {
    /// The task that begins when the command in any slot ends, whatever came of it. That holds as
    /// long as that end is the next thing that this worker is told, at whatever time.
    #[must_use]
    pub fn next_task(&self) -> Option<&Delivery> {
        let local = &self.intake.local;
        // Else there may be no next task, or it is another one by then.
        let is_certain = self.consumer.phase == ConsumerPhase::Consuming
            && self.settings.ack == Ack::After
            && self.may_begin()
            && !self.stopping.is_under_way()
            && self.slots.is_full()
            && local.is_in_order();
        // One that came back may be under way here.
        local.first().filter(|next| is_certain && !next.redelivered)
    }
}
