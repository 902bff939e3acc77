//! Waits that grow from one try to the next.

use std::time::Duration;

/// Waits that double, without jitter: who sends over a network adds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    first: Duration,
    next: Duration,
    max: Duration,
}

impl Steps {
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            next: first,
            max,
        }
    }

    /// The next wait.
    pub(super) fn step(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        step
    }

    /// All went well: the next wait is the first.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_begin_anew() {
        let mut steps = Steps::new(Duration::from_millis(100), Duration::from_millis(350));
        let mut four = || (0..4).map(|_| steps.step().as_millis()).collect::<Vec<_>>();
        assert_eq!(four(), [100, 200, 350, 350]);
        steps.reset();
        assert_eq!(steps.step().as_millis(), 100);
    }
}
