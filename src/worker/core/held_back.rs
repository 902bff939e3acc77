//! Tasks that have failed and could not be moved anywhere: they go back to the queue, and come
//! again at once. Each time they wait here longer before they begin.

use super::delivery::{Delivery, Fingerprint};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The first pause.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause. Far below the 30 minutes after which brokers take a task away that was not
/// acknowledged.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// A task that has not come again this long after its pause was done elsewhere.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// How many are remembered.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    length: Duration,
}

/// The tasks that could not be moved.
#[derive(Debug, Default)]
pub(super) struct HeldBack(BTreeMap<Fingerprint, Pause>);

impl HeldBack {
    /// This task could not be moved. How long it waits now.
    pub(super) fn could_not_be_moved(&mut self, now: Instant, task: &Delivery) -> Duration {
        if self.0.len() >= MOST {
            self.0.retain(|_, pause| now < pause.until + FORGOTTEN);
            if self.0.len() >= MOST {
                self.0.pop_first();
            }
        }
        let fingerprint = task.fingerprint();
        let before = self.0.get(&fingerprint);
        let before = before.filter(|pause| now < pause.until + FORGOTTEN);
        let length = before.map_or(FIRST, |pause| (pause.length * 2).min(LONGEST));
        let until = now + length;
        self.0.insert(fingerprint, Pause { until, length });
        length
    }

    /// Until when a task that came back is not to be begun, if so.
    pub(super) fn until(&self, now: Instant, task: &Delivery) -> Option<Instant> {
        if self.0.is_empty() {
            return None;
        }
        let until = self.0.get(&task.fingerprint())?.until;
        (now < until).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{delivery, moment, task};
    use super::*;

    #[test]
    fn pauses_grow_and_concern_one_task() {
        let mut now = moment().instant;
        let stuck = delivery(task("x"));
        let mut held_back = HeldBack::default();
        assert_eq!(held_back.until(now, &stuck), None);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let pause = held_back.could_not_be_moved(now, &stuck);
            assert_eq!(held_back.until(now, &stuck), Some(now + pause));
            assert_eq!(held_back.until(now, &delivery(task("x"))), None);
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(held_back.until(now, &stuck), None);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        now += FORGOTTEN;
        assert_eq!(held_back.could_not_be_moved(now, &stuck), FIRST);
    }
}
