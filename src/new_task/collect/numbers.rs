//! Sets of task numbers: few ranges, as most of them follow each other.

use rangemap::RangeInclusiveSet;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// The largest number: far more than one command sends.
pub(super) const MAX: u64 = (1 << 40) - 1;

/// A set of numbers from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(RangeInclusiveSet<u64>);

impl Numbers {
    pub(in crate::new_task) fn insert(&mut self, number: u64) {
        self.0.insert(number..=number);
    }

    pub(in crate::new_task) fn remove(&mut self, number: u64) {
        self.0.remove(number..=number);
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.0.contains(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        let lens = self.0.iter().map(len);
        lens.fold(0, u64::saturating_add)
    }

    /// The highest, 0 where there is none.
    pub(super) fn last(&self) -> u64 {
        self.0.last().map_or(0, |range| *range.end())
    }

    /// The first of these that is in none of the `others`.
    pub(super) fn first_without(&self, others: &Self) -> Option<u64> {
        let mut ranges = self.0.iter();
        ranges.find_map(|range| others.0.gaps(range).next().map(|gap| *gap.start()))
    }

    /// How many of these are not in `others`.
    pub(in crate::new_task) fn len_without(&self, others: &Self) -> u64 {
        let gaps = self.0.iter().flat_map(|range| others.0.gaps(range));
        gaps.map(|gap| len(&gap)).fold(0, u64::saturating_add)
    }

    /// The smallest number from 1 that is not among these.
    pub(super) fn first_missing(&self) -> u64 {
        let all = 1..=u64::MAX;
        let gap = self.0.gaps(&all).next();
        gap.map_or(u64::MAX, |gap| *gap.start())
    }

    /// Such as `1-20,22`.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for range in self.0.iter() {
            if !text.is_empty() {
                text.push(',');
            }
            let _ = write!(text, "{}", range.start());
            if range.start() < range.end() {
                let _ = write!(text, "-{}", range.end());
            }
        }
        text
    }

    /// Reads what [`Numbers::text`] wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (start, end) = part.split_once('-').unwrap_or((part, part));
            let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
            if start == 0 || start > end || end > MAX {
                return None;
            }
            numbers.0.insert(start..=end);
        }
        Some(numbers)
    }
}

fn len(range: &RangeInclusive<u64>) -> u64 {
    (range.end() - range.start()).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Numbers {
        Numbers::parse(text).unwrap()
    }

    #[test]
    fn text_is_read_back() {
        for text in ["", "1", "1-20,22", "3,5-1099511627775"] {
            assert_eq!(numbers(text).text(), text);
        }
        for garbage in ["x", "0", "3-2", "1-", "-", "1--2", "1 2", "1-1099511627776"] {
            assert_eq!(Numbers::parse(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn neighbours_become_one_range() {
        let mut all = Numbers::default();
        for number in [2, 1, 4, 3, 9] {
            all.insert(number);
        }
        assert_eq!(all.text(), "1-4,9");
        assert_eq!(all.len(), 5);
        assert_eq!(all.first_missing(), 5);
    }

    #[test]
    fn what_is_missing_is_found() {
        let sent = numbers("1-10,20");
        assert_eq!(sent.first_without(&numbers("1-4,6")), Some(5));
        assert_eq!(sent.first_without(&numbers("1-10")), Some(20));
        assert_eq!(sent.first_without(&numbers("1-30")), None);
        assert_eq!(sent.len_without(&numbers("1-4,6")), 6);
        assert_eq!(numbers("").first_missing(), 1);
    }
}
