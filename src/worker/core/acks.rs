//! Acknowledgements wait a moment for others, to be sent together.
//!
//! An acknowledgement per task costs the broker, and the threads on the way to it, more than a
//! small task costs this worker. If more tasks are here already, tasks that end shortly after each
//! other are acknowledged together. If the worker is killed meanwhile, they are done again, like
//! every task that is not acknowledged.

use crate::amqp::{AckToken, Prefetch};
use crate::task::Task;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait for company. Measured with `true` as the command, 100 prefetched: at 5 ms the
/// broker spends some 40 µs of CPU time for a task, with one acknowledgement each 100 µs.
pub(super) const LINGER: Duration = Duration::from_millis(5);

/// An acknowledgement to be sent.
#[derive(Debug)]
pub(super) struct WaitingAck {
    pub(super) token: AckToken,
    /// The task, where it had an outcome here; `None` where only its copy is to be done.
    pub(super) task: Option<Arc<Task>>,
}

/// The acknowledgements that wait.
#[derive(Debug)]
pub(super) struct Acks {
    waiting: Vec<WaitingAck>,
    /// How many of them have a copy that is to be done.
    counted: usize,
    /// When the first of them began to wait.
    since: Option<Instant>,
    /// At this number they do not wait any longer.
    enough: usize,
}

impl Acks {
    /// With `prefetch` tasks here and `slots` of them under way, half of the others may wait: the
    /// broker sends more only after an acknowledgement, and should not be waited for.
    pub(super) fn new(prefetch: Prefetch, slots: usize) -> Self {
        Self {
            waiting: Vec::new(),
            counted: 0,
            since: None,
            enough: enough(prefetch, slots),
        }
    }

    /// There are as many from now on.
    pub(super) fn set_prefetch(&mut self, prefetch: Prefetch, slots: usize) {
        self.enough = enough(prefetch, slots);
    }

    /// When those that wait are due at the latest.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        Some(self.since? + LINGER)
    }

    pub(super) fn push(&mut self, now: Instant, waiting: WaitingAck) {
        self.since.get_or_insert(now);
        self.counted += usize::from(waiting.task.is_none());
        self.waiting.push(waiting);
    }

    /// Whether those that wait are due.
    pub(super) fn are_due(&self, now: Instant) -> bool {
        self.waiting.len() >= self.enough || self.wakes_at().is_some_and(|at| at <= now)
    }

    /// Whether a task waits to be acknowledged whose copy is to be done.
    pub(super) fn has_counted(&self) -> bool {
        self.counted > 0
    }

    /// Takes out all that wait.
    pub(super) fn take(&mut self) -> Vec<WaitingAck> {
        self.since = None;
        self.counted = 0;
        std::mem::take(&mut self.waiting)
    }
}

fn enough(prefetch: Prefetch, slots: usize) -> usize {
    /// More tasks per frame would save little.
    const MANY: usize = 1000;
    let enough = match prefetch {
        Prefetch::Unlimited => MANY,
        Prefetch::AtMost(count) => usize::from(count.get()).saturating_sub(slots) / 2,
    };
    enough.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;
    use std::num::NonZeroU16;

    fn waiting(tag: u64) -> WaitingAck {
        let token = AckToken { channel: 1, tag };
        WaitingAck { token, task: None }
    }

    #[test]
    fn they_wait_for_company_and_not_for_long() {
        let now = moment().instant;
        let prefetch = Prefetch::AtMost(NonZeroU16::new(10).unwrap());
        let mut acks = Acks::new(prefetch, 2);
        assert!(!acks.are_due(now) && acks.wakes_at().is_none());
        acks.push(now, waiting(1));
        assert!(!acks.are_due(now));
        assert_eq!(acks.wakes_at(), Some(now + LINGER));
        assert!(acks.are_due(now + LINGER));
        for tag in 2..=4 {
            assert!(!acks.are_due(now));
            acks.push(now, waiting(tag));
        }
        assert!(acks.are_due(now), "half of those that are not under way");
        assert_eq!(acks.take().len(), 4);
        assert!(!acks.are_due(now + LINGER));
    }

    #[test]
    fn without_more_tasks_here_none_waits() {
        let now = moment().instant;
        let mut acks = Acks::new(Prefetch::AtMost(NonZeroU16::MIN), 1);
        acks.push(now, waiting(1));
        assert!(acks.are_due(now));
    }
}
