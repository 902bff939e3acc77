//! The messages in flight on one channel, by delivery tag.

use super::message::{Entry, Mark, Payload, Sent};
use super::outstanding::Outstanding;
use super::{Core, withdrawn};

/// The messages that were published on the present channel and are not settled.
pub(super) type InFlight<P> = Outstanding<Entry<P>>;

impl<P: Payload> InFlight<P> {
    /// A message of one of these routes and this id came back. If several or none have this id, each
    /// may be the one: all are sent again, rather than one lost.
    /// Returns the numbers of those that are not wanted any more, and are not sent again, and whether
    /// they may have arrived before.
    pub(super) fn came_back(&mut self, routes: &[usize], id: Option<&str>) -> Vec<(u64, Sent)> {
        let mut of_route: Vec<_> = self
            .iter_mut()
            .filter(|entry| routes.contains(&entry.route) && entry.mark != Mark::Withdrawn)
            .collect();
        if of_route.iter().any(|entry| entry.payload.id() == id) {
            of_route.retain(|entry| entry.payload.id() == id);
        }
        let mut unwanted = Vec::new();
        for entry in of_route {
            if entry.mark == Mark::Unwanted {
                entry.mark = Mark::Withdrawn;
                unwanted.push((entry.number, entry.sent));
            } else {
                entry.mark = Mark::Returned;
            }
        }
        unwanted
    }

    /// The one with this number, unless it was withdrawn: then it is no longer its owner's.
    pub(super) fn of_number(&mut self, number: u64) -> Option<&mut Entry<P>> {
        self.iter_mut()
            .find(|entry| entry.number == number && entry.mark != Mark::Withdrawn)
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

impl<P: Payload> Core<P> {
    /// Takes out all that is in flight. What was sent may have arrived, as `sent` says.
    pub(super) fn take_in_flight(&mut self, sent: Sent) -> Vec<Entry<P>> {
        let all = std::mem::take(&mut self.in_flight).take_all();
        self.out_of_flight(all, sent)
    }

    /// Takes these out of their routes' accounts, and drops what nobody wants any more.
    pub(super) fn out_of_flight(&mut self, mut all: Vec<Entry<P>>, sent: Sent) -> Vec<Entry<P>> {
        for entry in &mut all {
            self.routes[entry.route].landed(entry.payload.body_len());
            if sent == Sent::Perhaps {
                entry.sent = sent;
            }
            match entry.mark {
                Mark::Returned => entry.mark = Mark::None,
                Mark::Unwanted => {
                    entry.mark = Mark::Withdrawn;
                    self.outbox.push_back(withdrawn(entry.number, entry.sent));
                }
                Mark::None | Mark::Withdrawn => {}
            }
        }
        all.retain(|entry| entry.mark != Mark::Withdrawn);
        all
    }
}
