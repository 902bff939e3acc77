//! What was published and not yet confirmed: a pure state machine over delivery tags.

use std::collections::VecDeque;

/// What the broker said of a published task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The broker has taken responsibility for it.
    Ack,
    /// The broker could not take it.
    Nack,
}

/// The tasks that were published on one channel and are not settled yet, in order of publishing.
///
/// The broker numbers publishes from 1 on each channel. A confirm names one tag, or with
/// `multiple` all up to it; those already settled are not settled again, and tags that were never
/// given are ignored. (amiquip's own `ConfirmSmoother` reports real nacks as acks; it is not used.)
#[derive(Debug)]
pub struct Outstanding<T> {
    /// The tag of the first entry.
    first: u64,
    /// `None`: settled out of order. The front, if any, is always `Some`.
    items: VecDeque<Option<T>>,
    open: usize,
}

impl<T> Default for Outstanding<T> {
    fn default() -> Self {
        Self {
            first: 1,
            items: VecDeque::new(),
            open: 0,
        }
    }
}

impl<T> Outstanding<T> {
    /// Notes that `item` was published now, and returns its delivery tag.
    pub fn published(&mut self, item: T) -> u64 {
        let tag = self.first + self.items.len() as u64;
        self.items.push_back(Some(item));
        self.open += 1;
        tag
    }

    /// How many are not settled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether all are settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Takes out what a confirm of `tag` settles, in order of publishing.
    pub fn settle(&mut self, tag: u64, multiple: bool) -> Vec<T> {
        let Some(index) = tag
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .filter(|&index| index < self.items.len())
        else {
            // With `multiple`, tag 0 means all so far (AMQP 0-9-1, basic.ack).
            let all = multiple && tag == 0;
            return if all { self.take_all() } else { Vec::new() };
        };
        let range = if multiple { 0..=index } else { index..=index };
        let settled: Vec<T> = range.filter_map(|i| self.items[i].take()).collect();
        self.open -= settled.len();
        while self.items.front().is_some_and(Option::is_none) {
            self.items.pop_front();
            self.first += 1;
        }
        settled
    }

    /// Takes out all that is not settled, in order of publishing: the channel is gone.
    pub fn take_all(&mut self) -> Vec<T> {
        self.first += self.items.len() as u64;
        self.open = 0;
        self.items.drain(..).flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(count: u64) -> Outstanding<u64> {
        let mut outstanding = Outstanding::default();
        for tag in 1..=count {
            assert_eq!(outstanding.published(tag), tag);
        }
        outstanding
    }

    #[test]
    fn single_confirms_settle_in_any_order() {
        let mut outstanding = published(3);
        assert_eq!(outstanding.settle(2, false), [2]);
        assert_eq!(outstanding.settle(3, false), [3]);
        assert_eq!(outstanding.len(), 1);
        assert_eq!(outstanding.settle(1, false), [1]);
        assert!(outstanding.is_empty());
        assert_eq!(outstanding.published(4), 4);
    }

    #[test]
    fn multiple_settles_only_what_is_still_open() {
        let mut outstanding = published(5);
        assert_eq!(outstanding.settle(2, false), [2]);
        assert_eq!(outstanding.settle(4, true), [1, 3, 4]);
        assert_eq!(outstanding.settle(5, true), [5]);
        assert!(outstanding.is_empty());
    }

    #[test]
    fn repeated_unknown_and_zero_tags_do_no_harm() {
        let mut outstanding = published(3);
        assert_eq!(outstanding.settle(1, false), [1]);
        assert!(outstanding.settle(1, false).is_empty());
        assert!(outstanding.settle(9, true).is_empty());
        assert!(outstanding.settle(0, false).is_empty());
        assert_eq!(outstanding.settle(0, true), [2, 3]);
        assert_eq!(outstanding.published(4), 4);
        assert_eq!(outstanding.settle(4, false), [4]);
    }

    #[test]
    fn what_a_lost_channel_leaves_comes_back_in_order() {
        let mut outstanding = published(4);
        outstanding.settle(2, false);
        assert_eq!(outstanding.take_all(), [1, 3, 4]);
        assert!(outstanding.is_empty());
    }
}
