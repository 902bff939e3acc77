//! What waits a moment for others of its kind, to be sent together.

use crate::amqp::Prefetch;
use std::time::{Duration, Instant};

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Batch<T> {
    waiting: Vec<T>,
    /// When the first of them began to wait.
    since: Option<Instant>,
    /// How long it waits at most.
    linger: Duration,
    /// At this number they do not wait any longer.
    enough: usize,
}

impl<T> Batch<T> {
    /// Nothing yet. What waits is due after `linger` at the latest, and at once from `enough` on.
    pub(super) fn new(linger: Duration, enough: usize) -> Self {
        Self {
            waiting: Vec::new(),
            since: None,
            linger,
            enough,
        }
    }

    /// From this number on nothing waits.
    pub(super) fn set_enough(&mut self, enough: usize) {
        self.enough = enough;
    }

    pub(super) fn push(&mut self, now: Instant, one: T) {
        self.since.get_or_insert(now);
        self.waiting.push(one);
    }

    /// When those that wait are due at the latest.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        Some(self.since? + self.linger)
    }

    /// How many more make those that wait due.
    pub(super) fn until_due(&self) -> usize {
        self.enough.saturating_sub(self.waiting.len())
    }

    /// Whether those that wait are due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.waiting.len() >= self.enough || self.wakes_at().is_some_and(|at| at <= now)
    }

    /// Takes out all that wait.
    pub(super) fn take(&mut self) -> Vec<T> {
        self.since = None;
        std::mem::take(&mut self.waiting)
    }
}

/// One `divisor`th of the tasks that may be here and do not run, but at least 1: with at most `prefetch`
/// tasks here, `slots` run. The broker sends more only after an acknowledgement, and should not be waited
/// for.
pub(super) fn part_of_others(prefetch: Prefetch, slots: usize, divisor: usize) -> usize {
    /// More at once would save little.
    const MANY: usize = 1000;
    let enough = match prefetch {
        Prefetch::Unlimited => MANY,
        Prefetch::AtMost(count) => usize::from(count.get()).saturating_sub(slots) / divisor,
    };
    enough.max(1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;
    use std::num::NonZeroU16;

    const LINGER: Duration = Duration::from_millis(5);

    #[test]
    fn they_wait_for_company_and_not_for_long() {
        let now = moment().instant;
        let prefetch = Prefetch::AtMost(NonZeroU16::new(10).unwrap());
        let mut batch = Batch::new(LINGER, part_of_others(prefetch, 2, 2));
        assert!(!batch.is_due(now) && batch.wakes_at().is_none());
        batch.push(now, 1);
        assert_eq!(batch.until_due(), 3);
        assert!(!batch.is_due(now));
        assert_eq!(batch.wakes_at(), Some(now + LINGER));
        assert!(batch.is_due(now + LINGER));
        for number in 2..=4 {
            assert!(!batch.is_due(now));
            batch.push(now, number);
        }
        assert!(batch.is_due(now), "half of those that do not run");
        assert_eq!(batch.take(), [1, 2, 3, 4]);
        assert!(!batch.is_due(now + LINGER));
    }

    #[test]
    fn without_more_tasks_here_none_waits() {
        let now = moment().instant;
        for (prefetch, divisor) in [(1, 2), (3, 4)] {
            let prefetch = Prefetch::AtMost(NonZeroU16::new(prefetch).unwrap());
            let mut batch = Batch::new(LINGER, part_of_others(prefetch, 1, divisor));
            batch.push(now, 1);
            assert!(batch.is_due(now));
        }
    }
}
