//! From delivery to acknowledgement.

use super::finished::is_same;
use super::slots::Running;
use super::{Stop, Worker, events};
use crate::amqp::{AckToken, Channel, Delivery};
use crate::cli::Ack;
use crate::task::Task;
use std::time::{Duration, Instant};

/// A task that was handed to this worker and has not begun.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) task: Task,
    pub(super) redelivered: bool,
    pub(super) token: AckToken,
}

impl From<Delivery> for Handed {
    fn from(delivery: Delivery) -> Self {
        Self {
            task: Task {
                body: delivery.body,
                properties: delivery.properties,
            },
            redelivered: delivery.redelivered,
            token: delivery.token,
        }
    }
}

impl Worker<'_> {
    /// Takes a delivery in: normally to be begun when a slot is free.
    pub(super) fn accept(&mut self, delivery: Delivery, channel: &Channel) {
        let handed = Handed::from(delivery);
        if !handed.redelivered || self.settings.ack != Ack::After {
            self.backlog.push_back(handed);
            return;
        }
        // It may be one that still runs here, or that was done here, and whose acknowledgement
        // became void with an earlier connection.
        let running = self
            .slots
            .iter_mut()
            .find(|running| running.token.is_none() && is_same(&running.task, &handed.task));
        if let Some(running) = running {
            running.token = Some(handed.token);
            return;
        }
        if self.finished.take(&handed.task) {
            self.totals.skipped += 1;
            events::skipped(self.report, &handed.task);
            let line = handed.task.line();
            self.note(&format!(
                "done before, acknowledged without doing it again: {line}"
            ));
            self.flush();
            self.settle(handed.task, Some(handed.token), Some(channel));
            return;
        }
        self.backlog.push_back(handed);
    }

    /// Begins tasks while there are any and slots are free.
    pub(super) fn begin_tasks(&mut self) {
        while !self.is_stopping() && self.may_begin() {
            let Some(slot) = self.slots.free() else {
                return;
            };
            let Some(handed) = self.backlog.pop_front() else {
                return;
            };
            self.begin(slot, handed);
        }
    }

    /// Whether `--max-tasks` allows one more.
    fn may_begin(&self) -> bool {
        let begun = self.totals.received;
        self.settings.max_tasks.is_none_or(|max| begun < max.get())
    }

    fn begin(&mut self, slot: usize, handed: Handed) {
        let started = Instant::now();
        let work = pretended_work(&handed.task.body, self.settings.dot);
        let running = Running {
            task: handed.task,
            redelivered: handed.redelivered,
            token: Some(handed.token),
            started,
            due: started.checked_add(work),
        };
        self.totals.received += 1;
        events::received(self.report, slot, &running);
        self.progress.started(slot, &running.task.body, Some(work));
        self.slots.put(slot, running);
        if !work.is_zero() {
            self.flush();
        }
    }

    /// Ends the tasks whose pretended work is done by now, in the order in which it is.
    pub(super) fn end_due_tasks(&mut self, channel: Option<&Channel>) {
        while let Some(slot) = self.slots.due(Instant::now()) {
            self.end(slot, channel);
        }
    }

    fn end(&mut self, slot: usize, channel: Option<&Channel>) {
        let Some(running) = self.slots.take(slot) else {
            return;
        };
        self.progress.ended(slot);
        self.totals.done += 1;
        self.idle_since = Instant::now();
        events::done(self.report, slot, &running, self.naming);
        // Told before it is acknowledged: a task that nobody heard of is still in the queue.
        self.flush();
        if self.settings.ack == Ack::After {
            self.settle(running.task, running.token, channel);
        }
        let max = self.settings.max_tasks;
        if max.is_some_and(|max| self.totals.done >= max.get()) {
            self.stop(Stop::MaxTasks);
        }
    }

    /// Acknowledges a task that was done.
    fn settle(&mut self, task: Task, token: Option<AckToken>, channel: Option<&Channel>) {
        let acked = match (token, channel) {
            (Some(token), Some(channel)) => channel.ack(token).is_ok(),
            _ => false,
        };
        if acked {
            self.finished.acked(task);
            return;
        }
        self.void_acks += 1;
        let line = task.line();
        self.warn(&format!(
            "done, but the connection was lost, so it cannot be acknowledged; the broker will hand \
             it out again: {line}"
        ));
        self.finished.not_acked(&task);
    }

    /// The connection is gone: what it delivered is the broker's again.
    pub(super) fn void_deliveries(&mut self) {
        if self.settings.ack == Ack::Auto {
            // The broker has forgotten these; they are here alone.
            return;
        }
        self.backlog.clear();
        for running in self.slots.iter_mut() {
            running.token = None;
        }
        let window = self.settings.unnoticed_loss();
        self.finished.connection_lost(window);
    }
}

/// One `dot` for each `.` in the body.
#[allow(
    clippy::naive_bytecount,
    reason = "pretended work need not be counted fast"
)]
fn pretended_work(body: &[u8], dot: Duration) -> Duration {
    let dots = body.iter().filter(|byte| **byte == b'.').count();
    dot.saturating_mul(u32::try_from(dots).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dot_counts() {
        let second = Duration::from_secs(1);
        assert_eq!(pretended_work(b"Hello...", second), Duration::from_secs(3));
        assert_eq!(pretended_work(b"", second), Duration::ZERO);
        let half = Duration::from_millis(500);
        assert_eq!(
            pretended_work(b".a.\xff.", half),
            Duration::from_millis(1500)
        );
    }
}
