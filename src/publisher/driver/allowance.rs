//! How many results may be delivered that are not acknowledged yet. Pure.
//!
//! A slow reader of the results is to hold up the broker, not to fill the memory, so these are few. But
//! results that wait for their turn (`--keep-order`) are not acknowledged before, and when all that may
//! be delivered wait, the one whose turn it is never comes. Then a consumer follows that is delivered
//! more: what the former one was delivered does not count for it.

use std::num::NonZeroU16;

/// How many results are delivered at first.
pub(super) const PREFETCH: NonZeroU16 = NonZeroU16::new(64).unwrap();

/// How many times the prefetch must have come before it is judged to be too large.
const ROUNDS: u64 = 4;

/// What the present consumer is allowed, and how it uses that.
#[derive(Debug)]
pub(super) struct Allowance {
    prefetch: NonZeroU16,
    /// The tag of the last delivery to an earlier consumer of the channel.
    begins_behind: u64,
    /// How many of those behind it are acknowledged.
    acknowledged: u64,
    /// The newest delivery when its use was judged last, and how many were unacknowledged at most
    /// since.
    judged: u64,
    most: u64,
}

impl Allowance {
    /// Of a consumer that begins when `newest` was the last delivery on the channel.
    pub(super) fn new(prefetch: NonZeroU16, newest: u64) -> Self {
        Self {
            prefetch,
            begins_behind: newest,
            acknowledged: 0,
            judged: newest,
            most: 0,
        }
    }

    /// How many unacknowledged results may be delivered.
    pub(super) fn prefetch(&self) -> u16 {
        self.prefetch.get()
    }

    /// The delivery with this tag is acknowledged.
    pub(super) fn acknowledged(&mut self, tag: u64) {
        self.acknowledged += u64::from(tag > self.begins_behind);
    }

    /// The prefetch of the consumer that is to follow, if one is. `newest` is the last delivery; `held`
    /// results wait for their turn, of all consumers. The others will be acknowledged soon.
    pub(super) fn better(&mut self, newest: u64, held: usize) -> Option<NonZeroU16> {
        let held = held as u64;
        let (prefetch, count) = (self.prefetch, u64::from(self.prefetch.get()));
        let delivered = newest.saturating_sub(self.begins_behind);
        let waiting = delivered.saturating_sub(self.acknowledged);
        if waiting >= count && held >= count {
            return Some(prefetch.saturating_mul(NonZeroU16::MIN.saturating_add(1)));
        }
        self.most = self.most.max(waiting.min(held));
        if newest.saturating_sub(self.judged) < ROUNDS * count {
            return None;
        }
        let is_needed = self.most >= count / 4;
        (self.judged, self.most) = (newest, 0);
        let smaller = NonZeroU16::new(prefetch.get() / 2)?.max(PREFETCH);
        (!is_needed && smaller < prefetch).then_some(smaller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(prefetch: u16, newest: u64) -> Allowance {
        Allowance::new(NonZeroU16::new(prefetch).unwrap(), newest)
    }

    fn better(allowance: &mut Allowance, newest: u64) -> Option<u16> {
        better_with(allowance, newest, usize::MAX)
    }

    fn better_with(allowance: &mut Allowance, newest: u64, held: usize) -> Option<u16> {
        allowance.better(newest, held).map(NonZeroU16::get)
    }

    #[test]
    fn more_may_come_when_all_that_came_wait() {
        for (prefetch, next) in [(64, 128), (128, 256), (40_000, 65_535), (65_535, 65_535)] {
            let mut full = allowance(prefetch, 7);
            let last = 7 + u64::from(prefetch);
            assert_eq!(better(&mut full, last - 1), None);
            assert_eq!(better(&mut full, last), Some(next));
        }
    }

    /// What is written and not acknowledged yet makes room soon.
    #[test]
    fn what_does_not_wait_for_its_turn_does_not_count() {
        let mut full = allowance(64, 0);
        assert_eq!(better_with(&mut full, 64, 63), None);
        assert_eq!(better_with(&mut full, 64, 64), Some(128));
    }

    /// What an earlier consumer was delivered may be acknowledged while the present one is full.
    #[test]
    fn what_came_to_an_earlier_consumer_does_not_count() {
        let mut second = allowance(64, 64);
        for tag in 1..=64 {
            second.acknowledged(tag);
        }
        assert_eq!(better(&mut second, 127), None);
        assert_eq!(better(&mut second, 128), Some(128));
        second.acknowledged(65);
        assert_eq!(better(&mut second, 128), None);
    }

    #[test]
    fn what_is_too_large_shrinks_after_a_while() {
        let shrinks = |waiting: u64| {
            let mut large = allowance(512, 0);
            (1..=ROUNDS * 512).find_map(|newest| {
                if newest > waiting {
                    large.acknowledged(newest - waiting);
                }
                Some((newest, better(&mut large, newest)?))
            })
        };
        assert_eq!(shrinks(128), None);
        assert_eq!(shrinks(127), Some((ROUNDS * 512, 256)));
        let mut small = allowance(64, 0);
        let never = (1..10_000).find_map(|newest| {
            small.acknowledged(newest);
            better(&mut small, newest)
        });
        assert_eq!(never, None);
    }
}
