//! The messages in flight on one channel, by delivery tag.

use super::message::{Entry, Mark, Payload};
use crate::publisher::core::outstanding::Outstanding;

/// The messages that were published on the present channel and are not settled.
#[derive(Debug)]
pub(super) struct InFlight<P> {
    outstanding: Outstanding<Entry<P>>,
    /// How many were published on this channel.
    published: u64,
}

impl<P> Default for InFlight<P> {
    fn default() -> Self {
        Self {
            outstanding: Outstanding::default(),
            published: 0,
        }
    }
}

impl<P: Payload> InFlight<P> {
    /// Notes that the message is published now, and gives it back to be read.
    pub(super) fn publish(&mut self, entry: Entry<P>) -> Option<&Entry<P>> {
        self.outstanding.published(entry);
        self.published += 1;
        self.outstanding.last()
    }

    /// Takes out what a confirm settles, in order of publishing.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool, settled: impl FnMut(Entry<P>)) {
        self.outstanding.settle(tag, multiple, settled);
    }

    /// A message of this route and id came back. Where several fit, or none does, each may be the
    /// one: sending all of them again is better than losing one.
    /// Returns the numbers of those that are not wanted any more, and are not sent again.
    pub(super) fn came_back(&mut self, route: usize, id: Option<&str>) -> Vec<u64> {
        let mut of_route: Vec<_> = self
            .outstanding
            .iter_mut()
            .filter(|entry| entry.route == route && entry.mark != Mark::Withdrawn)
            .collect();
        if of_route.iter().any(|entry| entry.payload.id() == id) {
            of_route.retain(|entry| entry.payload.id() == id);
        }
        let mut unwanted = Vec::new();
        for entry in of_route {
            if entry.mark == Mark::Unwanted {
                entry.mark = Mark::Withdrawn;
                unwanted.push(entry.number);
            } else {
                entry.mark = Mark::Returned;
            }
        }
        unwanted
    }

    /// Nobody wants this one any more: marks it so, if it is here and was wanted.
    pub(super) fn withdraw(&mut self, number: u64, mark: Mark) -> bool {
        let found = self.outstanding.iter_mut().find(|entry| {
            // One that was withdrawn before is no longer its owner's.
            entry.number == number && entry.mark != Mark::Withdrawn
        });
        found.map(|entry| entry.mark = mark).is_some()
    }

    /// Takes out those of one route; the channel goes on.
    pub(super) fn take_route(&mut self, route: usize) -> Vec<Entry<P>> {
        self.outstanding.take_if(|entry| entry.route == route)
    }

    /// Takes out those with this number.
    pub(super) fn take_number(&mut self, number: u64) -> Vec<Entry<P>> {
        self.outstanding.take_if(|entry| entry.number == number)
    }

    /// Takes out all, in order of publishing: the channel is gone.
    pub(super) fn take_all(&mut self) -> Vec<Entry<P>> {
        self.published = 0;
        std::mem::take(&mut self.outstanding).take_all()
    }

    #[cfg(test)]
    pub(super) fn numbers(&mut self) -> Vec<u64> {
        self.outstanding
            .iter_mut()
            .map(|entry| entry.number)
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether nobody wants any of them any more.
    pub(super) fn all_withdrawn(&mut self) -> bool {
        self.outstanding
            .iter_mut()
            .all(|entry| entry.mark == Mark::Withdrawn)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outstanding.is_empty()
    }
}
