//! Whether returns can be counted at the moment. It is best effort: a broker that does not take the
//! copies must not keep sound tasks from being done.

use std::time::{Duration, Instant};

/// So long after a copy was not taken, none is tried.
const PAUSE: Duration = Duration::from_secs(30);

/// Whether returns can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Possible,
    /// Not before this time.
    Paused(Instant),
    /// This user may not publish.
    Impossible,
}

/// The counting of returns.
#[derive(Debug)]
pub(super) struct Counting {
    state: State,
    /// Beyond so many a task becomes a dead letter; 0: returns are not counted.
    limit: u64,
}

impl Counting {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            state: State::Possible,
            limit: u64::from(limit),
        }
    }

    /// Whether a task that came back so often is not to be done any more.
    pub(super) fn is_too_often(&self, returns: u64) -> bool {
        self.limit > 0 && returns >= self.limit
    }

    /// Whether a return is to be counted now.
    pub(super) fn is_possible(&self, now: Instant) -> bool {
        self.limit > 0
            && match self.state {
                State::Possible => true,
                State::Paused(until) => until <= now,
                State::Impossible => false,
            }
    }

    /// A copy was taken.
    pub(super) fn worked(&mut self) {
        self.state = State::Possible;
    }

    /// A copy was not taken for now. Whether that is new.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let is_new = self.state == State::Possible;
        self.state = State::Paused(now + PAUSE);
        is_new
    }

    /// No copy will ever be taken. Whether that is new.
    pub(super) fn is_impossible(&mut self) -> bool {
        let is_new = self.state != State::Impossible;
        self.state = State::Impossible;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;

    #[test]
    fn it_pauses_and_is_tried_again() {
        let now = moment().instant;
        let mut counting = Counting::new(3);
        assert!(counting.is_possible(now));
        assert!(counting.failed(now));
        assert!(!counting.is_possible(now));
        assert!(counting.is_possible(now + PAUSE));
        assert!(!counting.failed(now + PAUSE));
        counting.worked();
        assert!(counting.is_possible(now));
        assert!(counting.is_impossible());
        assert!(!counting.is_impossible());
        assert!(!counting.is_possible(now + PAUSE));
        assert!(!counting.is_too_often(2) && counting.is_too_often(3));
        assert!(!Counting::new(0).is_possible(now));
        assert!(!Counting::new(0).is_too_often(u64::MAX));
    }
}
