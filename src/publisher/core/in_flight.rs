//! The messages in flight on one channel, by delivery tag.

use super::message::{Entry, Mark, Payload};
use super::outstanding::Outstanding;

/// The messages that were published on the present channel and are not settled.
pub(super) type InFlight<P> = Outstanding<Entry<P>>;

impl<P: Payload> InFlight<P> {
    /// A message of this route and id came back. If several or none have this id, each may be the
    /// one: all are sent again, rather than one lost.
    /// Returns the numbers of those that are not wanted any more, and are not sent again.
    pub(super) fn came_back(&mut self, route: usize, id: Option<&str>) -> Vec<u64> {
        let mut of_route: Vec<_> = self
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
        let found = self.iter_mut().find(|entry| {
            // One that was withdrawn before is no longer its owner's.
            entry.number == number && entry.mark != Mark::Withdrawn
        });
        found.map(|entry| entry.mark = mark).is_some()
    }

    /// Takes out those of one route; the channel goes on.
    pub(super) fn take_route(&mut self, route: usize) -> Vec<Entry<P>> {
        self.take_if(|entry| entry.route == route)
    }

    /// Takes out those with this number.
    pub(super) fn take_number(&mut self, number: u64) -> Vec<Entry<P>> {
        self.take_if(|entry| entry.number == number)
    }

    #[cfg(test)]
    pub(super) fn numbers(&mut self) -> Vec<u64> {
        self.iter_mut().map(|entry| entry.number).collect()
    }

    /// Whether nobody wants any of them any more.
    pub(super) fn all_withdrawn(&mut self) -> bool {
        self.iter_mut().all(|entry| entry.mark == Mark::Withdrawn)
    }
}
