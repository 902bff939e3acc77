//! Acknowledgements that wait a moment for company.
//!
//! One acknowledgement a task costs the broker, and the threads on the way to it, more than a small
//! task costs this worker. Where more tasks are here already, those that end shortly after each
//! other are acknowledged together. A worker that is killed meanwhile leaves them to be done
//! again, as it does with every task that it has not acknowledged.

use super::Worker;
use crate::amqp::{AckToken, Channel, Prefetch};
use crate::task::Task;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait for company. Measured with `true` as the command, 100 prefetched: at 5 ms the
/// broker spends some 40 µs of CPU time for a task, with one acknowledgement each 100 µs.
const LINGER: Duration = Duration::from_millis(5);

/// The acknowledgements that wait.
#[derive(Debug)]
pub(super) struct Acks {
    waiting: Vec<(Arc<Task>, AckToken)>,
    /// When the first of them began to wait.
    since: Instant,
    /// So many do not wait any longer.
    enough: usize,
}

impl Acks {
    /// With `prefetch` tasks here and `slots` of them under way, half of the others may wait: the
    /// broker sends more only after an acknowledgement, and should not be waited for.
    pub(super) fn new(prefetch: Prefetch, slots: usize) -> Self {
        /// What one frame spares is spread over enough tasks by then.
        const MANY: usize = 1000;
        let enough = match prefetch {
            Prefetch::Unlimited => MANY,
            Prefetch::AtMost(count) => usize::from(count.get()).saturating_sub(slots) / 2,
        };
        Self {
            waiting: Vec::new(),
            since: Instant::now(),
            enough,
        }
    }

    /// When those that wait are due at the latest.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.since + LINGER)
    }

    fn push(&mut self, task: Arc<Task>, token: AckToken) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.push((task, token));
    }

    fn are_due(&self) -> bool {
        self.waiting.len() >= self.enough.max(1) || self.since.elapsed() >= LINGER
    }
}

impl Worker<'_> {
    /// Acknowledges a task whose outcome is safe, now or a moment later.
    pub(super) fn settle(
        &mut self,
        task: Arc<Task>,
        token: Option<AckToken>,
        channel: Option<&Channel>,
    ) {
        match (token, channel) {
            (Some(token), Some(channel)) => {
                self.acks.push(task, token);
                if self.is_stopping() || self.acks.are_due() {
                    self.send_acks(channel);
                }
            }
            // The connection over which it came is gone, and another one is here, over which the
            // task may be on its way back.
            (None, Some(_)) => self.comes_back(&task),
            (_, None) => self.ack_is_void(&task),
        }
    }

    /// Sends the acknowledgements that are due, or all where no task that runs can bring company.
    pub(super) fn send_due_acks(&mut self, channel: &Channel) {
        if self.slots.is_idle() || self.acks.are_due() {
            self.send_acks(channel);
        }
    }

    /// Sends all acknowledgements that wait.
    pub(super) fn send_acks(&mut self, channel: &Channel) {
        if self.acks.waiting.is_empty() {
            return;
        }
        // Told before it is acknowledged: a task that nobody heard of is still in the queue.
        self.flush();
        let (tasks, tokens): (Vec<_>, Vec<_>) = self.acks.waiting.drain(..).unzip();
        if channel.ack_all(tokens).is_ok() {
            for task in tasks {
                self.finished.acked(task);
            }
        } else if let [task] = &tasks[..] {
            self.ack_is_void(task);
        } else {
            // Some may have gone out before the one that could not. These must not be taken for
            // unacknowledged: without an id another task that is equal would be skipped.
            for task in tasks {
                self.void_acks += 1;
                self.warn_of_return(&task);
                self.finished.acked(task);
            }
        }
    }

    /// The connection is gone before these were sent.
    pub(super) fn void_waiting_acks(&mut self) {
        for (task, _) in std::mem::take(&mut self.acks.waiting) {
            self.ack_is_void(&task);
        }
    }

    fn ack_is_void(&mut self, task: &Task) {
        self.void_acks += 1;
        self.comes_back(task);
    }

    fn comes_back(&mut self, task: &Task) {
        self.warn_of_return(task);
        self.finished.not_acked(task);
    }

    fn warn_of_return(&self, task: &Task) {
        let line = task.line();
        self.warn(&format!(
            "done, but the connection was lost, so it cannot be acknowledged; the broker will hand \
             it out again: {line}"
        ));
    }
}
