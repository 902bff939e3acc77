//! A worker without anything to do: it ends, or makes sure that tasks can come.

use super::consumer::{CancelFor, ConsumerPhase};
use super::emptiness::Next;
use super::policy::Ack;
use super::stopping::Reason;
use super::worker::Worker;
use super::{Action, ConsumeOn, Counts, Moment};

impl Worker {
    /// There is nothing to do: what follows.
    pub(super) fn nothing_to_do(&mut self, now: Moment) {
        let next = match self.consumer.phase {
            ConsumerPhase::Consuming if self.emptiness.is_idle_for_long(now.instant) => {
                self.stop(now, Reason::Idle);
                return;
            }
            ConsumerPhase::Consuming if self.is_starved() => {
                self.cancel_consumer(CancelFor::Renew);
                return;
            }
            ConsumerPhase::Consuming => self.emptiness.nothing_to_do(now.instant),
            ConsumerPhase::Paused => self.emptiness.cancelled_and_nothing_to_do(now.instant),
            ConsumerPhase::Disconnected
            | ConsumerPhase::Shrinking
            | ConsumerPhase::Starting(_)
            | ConsumerPhase::Cancelling(_) => Next::Wait,
        };
        self.follow(now, next);
    }

    /// What the queues hold.
    pub(super) fn counted(&mut self, now: Moment, counts: Counts) {
        if self.stopping.is_under_way() {
            return;
        }
        if self.count_others(now, counts) {
            return;
        }
        let is_as_asked = matches!(
            self.consumer.phase,
            ConsumerPhase::Consuming | ConsumerPhase::Paused
        );
        let is_idle = self.has_nothing_to_do() && is_as_asked;
        let next = self.emptiness.counted(now.instant, counts, is_idle);
        self.follow(now, next);
    }

    fn follow(&mut self, now: Moment, next: Next) {
        match next {
            Next::Wait => {}
            Next::Ask(queues) => self.act(Action::Count(queues)),
            Next::Cancel => self.cancel_consumer(CancelFor::LookAgain),
            Next::Resume => self.consume(ConsumeOn::Same),
            Next::Empty => self.stop(now, Reason::Empty),
        }
    }

    /// Whether nothing runs, waits to run, or is to be settled. What is held back does not count.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.slots.is_idle() && self.intake.local.is_empty() && self.settling.is_empty()
    }

    /// Whether the queue was to be looked at once more, with the consumer cancelled, and a task came
    /// at the last moment that leaves a slot free: others run next to it, or its settlement takes
    /// long.
    pub(super) fn is_paused_in_vain(&self) -> bool {
        self.consumer.phase == ConsumerPhase::Paused
            && !self.slots.is_full()
            && !self.intake.local.has_ready()
    }

    /// Whether another consumer would receive tasks, and this one does not.
    pub(super) fn is_starved(&self) -> bool {
        // First what costs nothing to know: this is asked with each task.
        if self.slots.is_full() || self.intake.local.has_ready() || self.settings.ack != Ack::After
        {
            return false;
        }
        let overdue = self.settling.overdue();
        let held = self.intake.local.held();
        // What waits behind a settlement that takes long waits as long.
        let behind = match overdue {
            0 => 0,
            _ => self.intake.local.copies(),
        };
        self.consumer.is_starved(overdue + held + behind)
    }
}
