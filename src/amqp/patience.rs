//! How long a step towards a connection may take.

use super::dial::NotReached;
use crate::base::cancellation::{WhenCancelled, is_cancelled};
use crate::base::when_slow::{QUICK, WhenSlow};
use std::time::{Duration, Instant};

/// How long a step towards a connection may take, and who can end it before.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    pub(super) deadline: Instant,
    pub(super) when_cancelled: WhenCancelled,
    pub(super) when_slow: WhenSlow,
}

impl Patience {
    /// How long to wait before the next look, if it may still take that long. Who has waited in vain
    /// tells `when_slow`.
    pub(super) fn next_look(&self) -> Result<Duration, NotReached> {
        if is_cancelled(&self.when_cancelled) {
            return Err(NotReached::Cancelled);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(NotReached::TimedOut);
        }
        Ok(left.min(QUICK))
    }
}

#[cfg(test)]
impl Patience {
    pub(super) fn until(deadline: Instant, when_cancelled: &WhenCancelled) -> Self {
        Self {
            deadline,
            when_cancelled: when_cancelled.clone(),
            when_slow: WhenSlow::default(),
        }
    }
}
