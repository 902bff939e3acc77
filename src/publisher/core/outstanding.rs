//! What was published and not yet confirmed: a pure state machine over delivery tags.

use std::collections::{BTreeSet, VecDeque};

/// The tasks that were published on one channel and are not settled yet, in order of publishing.
///
/// The broker numbers publishes from 1 on each channel. A confirm names one tag, or with
/// `multiple` all up to it; those already settled are not settled again, and tags that were never
/// given are ignored. (amiquip's own `ConfirmSmoother` reports real nacks as acks; it is not used.)
#[derive(Debug)]
pub(super) struct Outstanding<T> {
    /// The tag of the first entry.
    first: u64,
    /// `None`: settled out of order. The front, if any, is always `Some`.
    items: VecDeque<Option<T>>,
    open: usize,
    /// The tags of those that were taken out, and of which the broker may still speak.
    taken_out: BTreeSet<u64>,
}

impl<T> Default for Outstanding<T> {
    fn default() -> Self {
        Self {
            first: 1,
            items: VecDeque::new(),
            open: 0,
            taken_out: BTreeSet::new(),
        }
    }
}

impl<T> Outstanding<T> {
    /// Notes that `item` was published now, and returns its delivery tag.
    pub(super) fn published(&mut self, item: T) -> u64 {
        let tag = self.first + self.items.len() as u64;
        self.items.push_back(Some(item));
        self.open += 1;
        tag
    }

    /// How many are not settled.
    pub(super) fn len(&self) -> usize {
        self.open
    }

    /// Whether all are settled.
    pub(super) fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Whether the end of the channel can be about a single one only.
    pub(super) fn is_alone(&self) -> bool {
        self.open == 1 && !self.has_taken_out()
    }

    /// Whether the end of the channel can be about one that was taken out.
    pub(super) fn has_taken_out(&self) -> bool {
        !self.taken_out.is_empty()
    }

    /// Takes out what a confirm of `tag` settles, and gives it to `settled` in order of publishing.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool, mut settled: impl FnMut(T)) {
        let next = self.first + self.items.len() as u64;
        let tag = match tag {
            // With `multiple`, tag 0 means all so far (AMQP 0-9-1, basic.ack).
            0 if multiple => next - 1,
            // It was never given.
            tag if tag >= next => return,
            tag => tag,
        };
        let from = if multiple { 0 } else { tag };
        self.taken_out.retain(|gone| !(from..=tag).contains(gone));
        let end = tag.checked_sub(self.first).map(usize::try_from);
        let Some(Ok(end)) = end else { return };
        let start = if multiple { 0 } else { end };
        for item in self.items.range_mut(start..=end) {
            if let Some(item) = item.take() {
                self.open -= 1;
                settled(item);
            }
        }
        self.drop_settled();
    }

    /// The last that was published, unless it is settled.
    pub(super) fn last(&self) -> Option<&T> {
        self.items.back().and_then(Option::as_ref)
    }

    /// All that is not settled, in order of publishing.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().flatten()
    }

    /// Takes out what is not settled and `wanted`, in order of publishing. A confirm of it that
    /// comes later settles nothing.
    pub(super) fn take_if(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for (tag, item) in (self.first..).zip(&mut self.items) {
            if let Some(item) = item.take_if(|item| wanted(item)) {
                self.taken_out.insert(tag);
                taken.push(item);
            }
        }
        self.open -= taken.len();
        self.drop_settled();
        taken
    }

    fn drop_settled(&mut self) {
        while self.items.front().is_some_and(Option::is_none) {
            self.items.pop_front();
            self.first += 1;
        }
    }

    /// Takes out all that is not settled, in order of publishing: the channel is gone.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.first += self.items.len() as u64;
        self.open = 0;
        self.taken_out.clear();
        self.items.drain(..).flatten().collect()
    }
}

#[cfg(test)]
mod tests;
