//! Tasks that go back to the broker, and what becomes of their copies.

use super::delivery::Delivery;
use super::worker::Worker;
use super::{Event, Moment, TaskEvent};
use crate::task::Task;

/// How a task is over for this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// It has had its outcome.
    Settled,
    /// Its copy is to be done instead.
    Counted,
    /// The broker has it again.
    Returned,
}

impl Worker {
    /// A task has had its outcome, and cannot be acknowledged.
    pub(super) fn comes_back(&mut self, now: Moment, task: &Task) {
        if !self.consumer.is_connected() {
            self.tally.unacknowledged += 1;
        }
        let line = task.line();
        self.warn(format!(
            "done, but the connection was lost, so it cannot be acknowledged; the broker will hand \
             it out again: {line}"
        ));
        self.intake.completed.comes_back(now.instant, task);
    }

    /// A task has failed, and came over a connection that is gone.
    pub(super) fn hand_over_to_broker(&mut self, now: Moment, delivery: &Delivery) {
        let line = delivery.task.line();
        self.warn(format!(
            "failed, but the connection was lost; the broker will deliver it again: {line}"
        ));
        self.over(now, delivery, Over::Returned);
    }

    /// The task in `slot` goes back without an outcome.
    pub(super) fn return_running(&mut self, now: Moment, slot: usize) {
        if let Some(running) = self.slots.take(slot) {
            self.put_back(now, &running.delivery, Some(slot));
        }
    }

    pub(super) fn put_back(&mut self, now: Moment, delivery: &Delivery, slot: Option<usize>) {
        self.report(Event::Returned(TaskEvent::of(delivery, slot)));
        self.give_back(delivery.token);
        self.over(now, delivery, Over::Returned);
    }

    /// A task is not under way any more: copies of it that came need not wait any longer.
    pub(super) fn over(&mut self, now: Moment, delivery: &Delivery, how: Over) {
        let Some(copies) = self.intake.local.over(delivery) else {
            return;
        };
        for copy in copies {
            match how {
                // Others of the same task may have come back, too: each is counted on its own.
                Over::Counted | Over::Returned => self.admit_again(now, copy),
                Over::Settled => {
                    let completed = &mut self.intake.completed;
                    completed.comes_back(now.instant, &delivery.task);
                    self.admit_again(now, copy);
                }
            }
        }
        if how == Over::Settled {
            // One may still come.
            let completed = &mut self.intake.completed;
            completed.comes_back(now.instant, &delivery.task);
        }
    }

    pub(super) fn admit_again(&mut self, now: Moment, copy: Delivery) {
        if self.stopping.is_under_way() {
            self.intake.local.push(copy);
        } else {
            self.admit(now, copy);
        }
    }
}
