//! What waits for company is sent: acknowledgements and results.

use super::worker::Worker;
use super::{Action, Moment};

impl Worker {
    /// Sends the acknowledgements that are due, or all if no task runs whose end could be told with
    /// them. Whether there were any.
    pub(super) fn send_due_acks(&mut self, now: Moment) -> bool {
        let are_due = self.acks.are_due(now.instant)
            || (self.slots.is_idle() && self.acks.wakes_at().is_some());
        if are_due {
            self.send_acks(now);
        }
        are_due
    }

    /// Sends all acknowledgements that wait.
    pub(super) fn send_acks(&mut self, now: Moment) {
        let waiting = self.acks.take();
        if waiting.is_empty() {
            return;
        }
        self.consumer.makes_room(now.instant);
        let mut tokens = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            self.consumer.settled(waiting.token);
            tokens.push(waiting.token);
            if let Some(task) = waiting.task {
                self.intake.completed.acked(now.instant, task);
            }
        }
        self.act(Action::Acknowledge(tokens));
    }

    /// Publishes the results that wait, if they are due or a slot is free: then no task is here whose
    /// result could soon go with them.
    pub(super) fn send_due_results(&mut self, now: Moment) {
        if self.settling.results.is_due(now.instant) || !self.slots.is_full() {
            self.send_results();
        }
    }

    /// Publishes all results that wait.
    pub(super) fn send_results(&mut self) {
        for result in self.settling.results.take() {
            self.act(Action::Publish(Box::new(result)));
        }
    }
}
