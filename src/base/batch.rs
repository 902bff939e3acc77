//! What waits a moment for others of its kind, to be sent together.

use std::time::{Duration, Instant};

/// What waits to be sent.
#[derive(Debug)]
pub struct Batch<T> {
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
    #[must_use]
    pub fn new(linger: Duration, enough: usize) -> Self {
        Self {
            waiting: Vec::new(),
            since: None,
            linger,
            enough,
        }
    }

    /// From this number on nothing waits.
    pub fn set_enough(&mut self, enough: usize) {
        self.enough = enough;
    }

    /// One more waits.
    pub fn push(&mut self, now: Instant, one: T) {
        self.since.get_or_insert(now);
        self.waiting.push(one);
    }

    /// When those that wait are due at the latest.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Instant> {
        Some(self.since? + self.linger)
    }

    /// How many more make those that wait due.
    #[must_use]
    pub fn until_due(&self) -> usize {
        self.enough.saturating_sub(self.waiting.len())
    }

    /// Whether those that wait are due.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.wakes_at()
            .is_some_and(|at| self.waiting.len() >= self.enough || at <= now)
    }

    /// Takes out all that wait.
    pub fn take(&mut self) -> Vec<T> {
        self.since = None;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(5);

    #[test]
    fn they_wait_for_company_and_not_for_long() {
        let now = Instant::now();
        let mut batch = Batch::new(LINGER, 4);
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
        assert!(batch.is_due(now), "enough");
        assert_eq!(batch.take(), [1, 2, 3, 4]);
        assert!(!batch.is_due(now + LINGER));
    }

    #[test]
    fn nothing_is_never_due() {
        let now = Instant::now();
        let mut batch = Batch::<u8>::new(LINGER, 0);
        assert!(!batch.is_due(now));
        batch.push(now, 1);
        assert!(batch.is_due(now));
    }
}
