//! Whether returns are counted at the moment. Counting is best effort: a broker that does not take
//! the copies must not keep sound tasks from being done.
//!
//! The exception is a task near the delivery limit of its quorum queue, which would discard it
//! silently (from RabbitMQ 4.0 on after 20 returns, unless a policy says otherwise). The queue
//! counts its copy from 0 again, so the copy is waited for.

use super::delivery::Delivery;
use super::headers;
use std::time::{Duration, Instant};

/// How long no copy is tried after one was not taken.
const PAUSE: Duration = Duration::from_secs(30);

/// A task that came back to a quorum queue this often waits for its copy, however long that takes.
const NEAR_THE_LIMIT: u64 = 10;

/// A task that came back to a quorum queue this often, and could not be counted, becomes a dead
/// letter before the queue discards it. A few returns are left over, for workers that die before
/// the dead letter is safe.
const LAST_CHANCE: u64 = 15;

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
    /// At this many returns a task becomes a dead letter; 0: returns are not counted.
    limit: u64,
}

impl Counting {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            state: State::Possible,
            limit: u64::from(limit),
        }
    }

    /// Whether a task with this many returns is not to be done any more.
    pub(super) fn is_too_often(&self, delivery: &Delivery, returns: u64) -> bool {
        let is_last_chance = self.state != State::Impossible
            && headers::count(&delivery.task, headers::DELIVERY_COUNT) >= LAST_CHANCE;
        self.limit > 0 && (returns >= self.limit || is_last_chance)
    }

    /// Whether a return is to be counted now.
    pub(super) fn is_wanted(&self, now: Instant, delivery: &Delivery) -> bool {
        self.limit > 0
            && match self.state {
                State::Possible => true,
                State::Paused(until) => until <= now || is_near_the_limit(delivery),
                State::Impossible => false,
            }
    }

    /// Whether a copy may be tried at all.
    pub(super) fn may_copy(&self) -> bool {
        self.state != State::Impossible
    }

    /// Whether this task is begun if its return is not counted in time.
    pub(super) fn may_be_left(delivery: &Delivery) -> bool {
        !is_near_the_limit(delivery)
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

fn is_near_the_limit(delivery: &Delivery) -> bool {
    headers::count(&delivery.task, headers::DELIVERY_COUNT) >= NEAR_THE_LIMIT
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delivery, moment, task};
    use super::*;

    #[test]
    fn it_pauses_and_is_tried_again() {
        let now = moment().instant;
        let mut counting = Counting::new(3);
        let returned = delivery(task("x"));
        assert!(counting.is_wanted(now, &returned));
        assert!(counting.failed(now));
        assert!(!counting.is_wanted(now, &returned));
        assert!(counting.is_wanted(now + PAUSE, &returned));
        assert!(!counting.failed(now + PAUSE));
        counting.worked();
        assert!(counting.is_wanted(now, &returned));
        assert!(counting.is_impossible());
        assert!(!counting.is_impossible());
        assert!(!counting.is_wanted(now + PAUSE, &returned));
        assert!(!counting.is_too_often(&returned, 2) && counting.is_too_often(&returned, 3));
        assert!(!Counting::new(0).is_wanted(now, &returned));
        assert!(!Counting::new(0).is_too_often(&returned, u64::MAX));
    }

    #[test]
    fn a_task_near_the_queues_limit_is_counted_in_any_case() {
        let now = moment().instant;
        let mut counting = Counting::new(100);
        counting.failed(now);
        let returned = |count: u64| {
            let mut task = task("x");
            let properties = task.properties;
            task.properties = properties.with_header(headers::DELIVERY_COUNT, count.to_string());
            delivery(task)
        };
        for (count, is_near) in [(9, false), (10, true), (19, true)] {
            let returned = returned(count);
            assert_eq!(counting.is_wanted(now, &returned), is_near, "{count}");
            assert_eq!(Counting::may_be_left(&returned), !is_near, "{count}");
        }
        for (count, is_last) in [(14, false), (15, true)] {
            let returned = returned(count);
            assert_eq!(counting.is_too_often(&returned, count), is_last, "{count}");
            assert!(!Counting::new(0).is_too_often(&returned, count));
        }
        // Where no dead letter is possible, it is done for as long as the queue hands it out.
        counting.is_impossible();
        assert!(!counting.is_too_often(&returned(15), 15));
    }
}
