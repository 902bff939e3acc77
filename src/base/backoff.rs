//! How long to wait before trying again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// Exponentially growing waits with jitter, so that many clients do not return at once.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    /// The first wait after a lost connection. A broker that was only restarted answers again
    /// within seconds (measured: 1.3 s for `stop_app` and `start_app`), and work should go on
    /// less than a second after that.
    pub const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait between two tries. Each costs the broker one connection attempt.
    pub const MAX: Duration = Duration::from_millis(800);

    /// Waits that double from `first` to `max`.
    #[must_use]
    pub fn new(first: Duration, max: Duration) -> Self {
        Self {
            next: first.min(max),
            max,
        }
    }

    /// The next wait: between a half and the whole of the current step, which then doubles.
    pub fn step(&mut self) -> Duration {
        self.step_with(random_fraction())
    }

    fn step_with(&mut self, fraction: f64) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        step.mul_f64(0.5 + fraction / 2.0)
    }
}

/// Between a half and the whole of it.
#[must_use]
pub fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + random_fraction() / 2.0)
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Self::FIRST, Self::MAX)
    }
}

/// A number in 0..1 that differs between processes and calls. The standard library seeds each
/// `RandomState` from the system's randomness, which is all that jitter needs.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        let waits: Vec<_> = (0..4).map(|_| backoff.step_with(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 350, 350]);
    }

    #[test]
    fn jitter_takes_at_most_half_away() {
        for _ in 0..1000 {
            let wait = Backoff::default().step();
            assert!(
                wait >= Backoff::FIRST / 2 && wait <= Backoff::FIRST,
                "{wait:?}"
            );
        }
    }

    #[test]
    fn jitter_differs() {
        let first = random_fraction();
        assert!((0..100).any(|_| (random_fraction() - first).abs() > 0.01));
    }
}
