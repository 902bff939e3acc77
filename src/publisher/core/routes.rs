//! All destinations, each with a state of its own.

mod delays;
mod readiness;

use super::age::Age;
use super::declaration::Declaration;
use super::message::{Entry, Payload};
use super::queues::Queues;
use super::route::Route;
use super::window::Size;
use crate::base::fault::Fault;
use crate::base::refusal::{Mismatch, is_down, is_missing};
use crate::queues::Destination;
use std::ops::{Index, IndexMut};
use std::time::{Duration, Instant};

/// What the broker says of the queue of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It is there with other arguments than were declared.
    Differs(usize),
    /// It is not there.
    Missing(usize),
    /// Its node is down.
    Down(usize),
}

/// All destinations.
#[derive(Debug)]
pub(super) struct Routes<P> {
    list: Vec<Route<P>>,
    /// The one whose turn it is to publish.
    turn: usize,
    queues: Queues,
    window: Size,
    /// How often the delay queue of one length was left for one that is a millisecond longer.
    lengthened: Vec<(Duration, u32)>,
}

impl<P> Index<usize> for Routes<P> {
    type Output = Route<P>;
    fn index(&self, index: usize) -> &Route<P> {
        &self.list[index]
    }
}

impl<P> IndexMut<usize> for Routes<P> {
    fn index_mut(&mut self, index: usize) -> &mut Route<P> {
        &mut self.list[index]
    }
}

impl<P: Payload> Routes<P> {
    /// The index of the work queue's route.
    pub(super) const WORK: usize = 0;

    pub(super) fn new(queues: Queues, window: Size, now: Instant) -> Self {
        let mut routes = Self {
            list: Vec::new(),
            turn: 0,
            queues,
            window,
            lengthened: Vec::new(),
        };
        routes.add(&Destination::Work, now);
        routes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Route<P>> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Route<P>> {
        self.list.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The index of the route to `to`, which begins now if there was none. What is not here may still
    /// go to a route that `is_used`.
    pub(super) fn find(
        &mut self,
        to: &Destination,
        is_used: impl Fn(usize) -> bool,
        now: Instant,
    ) -> usize {
        let found = self.position(to);
        found.unwrap_or_else(|| {
            let index = match to {
                Destination::Results(_) => self.add_results(to, is_used, now),
                _ => self.add(to, now),
            };
            if matches!(to, Destination::Delay(_)) {
                self.expect_retry_delays(now);
            }
            index
        })
    }

    /// The index of the route to `to`, if there is one.
    pub(super) fn position(&self, to: &Destination) -> Option<usize> {
        self.list.iter().position(|route| match (&route.to, to) {
            (Destination::Reply(_), Destination::Reply(_)) => true,
            (one, other) => one == other,
        })
    }

    /// The queue that the broker's words are about, if it is one of these.
    pub(super) fn named_in(&self, fault: &Fault) -> Option<Named> {
        let reply = fault.reply()?;
        if let Some(mismatch) = Mismatch::parse(&reply.text) {
            return self.of_queue(&mismatch.queue).map(Named::Differs);
        }
        let mut routes = self.list.iter().enumerate();
        routes.find_map(|(index, route)| match &route.queue {
            queue if is_missing(reply, queue) => Some(Named::Missing(index)),
            queue if is_down(reply, queue) => Some(Named::Down(index)),
            _ => None,
        })
    }

    /// The index of the route to the queue of this name.
    pub(super) fn of_queue(&self, queue: &str) -> Option<usize> {
        self.list.iter().position(|route| &*route.queue == queue)
    }

    /// The same, where several share it: two delays may be lengthened to one.
    pub(super) fn all_of_queue(&self, queue: &str) -> Vec<usize> {
        let routes = self.list.iter().enumerate();
        let of_queue = routes.filter(|(_, route)| &*route.queue == queue);
        of_queue.map(|(index, _)| index).collect()
    }

    fn add(&mut self, to: &Destination, now: Instant) -> usize {
        let to = match to {
            // One for all addresses.
            Destination::Reply(_) => Destination::Reply(String::new()),
            to => to.clone(),
        };
        let route = self.route(to, now);
        self.list.push(route);
        self.list.len() - 1
    }

    fn route(&self, to: Destination, now: Instant) -> Route<P> {
        let queue = self.name(&to);
        let declaration = Declaration::new(self.queues.plan(&to));
        Route::new(to, queue, declaration, self.window, now)
    }

    /// Results queues come and go, so the route of an idle one is used for the next.
    fn add_results(
        &mut self,
        to: &Destination,
        is_used: impl Fn(usize) -> bool,
        now: Instant,
    ) -> usize {
        let is_free = |index: &usize| {
            let route = &self.list[*index];
            matches!(route.to, Destination::Results(_)) && route.is_idle() && !is_used(*index)
        };
        match (0..self.list.len()).find(is_free) {
            Some(index) => {
                self.list[index] = self.route(to.clone(), now);
                index
            }
            None => self.add(to, now),
        }
    }

    fn expect_retry_delays(&mut self, now: Instant) {
        for delay in std::mem::take(&mut self.queues.retry_delays) {
            let to = Destination::Delay(delay);
            let index = match self.position(&to) {
                Some(index) => index,
                None => self.add(&to, now),
            };
            self.list[index].wanted = true;
        }
    }

    fn name(&self, to: &Destination) -> String {
        self.real(to).queue(&self.queues.work.name)
    }

    /// Whether what is confirmed there does not count yet.
    pub(super) fn is_young(&self, index: usize) -> bool {
        self.ages(index).any(Age::is_young)
    }

    /// Whether what is confirmed there may be lost: its queue was looked for and is gone.
    pub(super) fn is_missing(&self, index: usize) -> bool {
        self.ages(index).any(|age| age == Age::Missing)
    }

    /// What is confirmed there waits to count: has asked what is to be asked for that.
    pub(super) fn prove(&mut self, index: usize, now: Instant) {
        let needs_work = self.needs_work(&self.list[index]);
        for other in [index, Self::WORK] {
            if other == index || needs_work {
                self.list[other].declaration.prove(now);
            }
        }
    }

    /// When there is something to ask for it.
    pub(super) fn may_be_proven_at(&self, index: usize) -> Option<Instant> {
        self.ages(index).filter_map(Age::may_be_proven_at).min()
    }

    /// The ages of the queues that must be safe for what is published there.
    fn ages(&self, index: usize) -> impl Iterator<Item = Age> {
        let route = &self.list[index];
        let work = self.needs_work(route).then(|| &self.list[Self::WORK]);
        [Some(route), work]
            .into_iter()
            .flatten()
            .map(|route| route.declaration.age())
    }

    /// The next in turn of those that have something to publish and `may`.
    pub(super) fn next(&mut self, mut may: impl FnMut(&mut Route<P>) -> bool) -> Option<usize> {
        let count = self.list.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            if !self.list[index].has_pending() || !self.is_ready(index) {
                continue;
            }
            if may(&mut self.list[index]) {
                self.turn = (index + 1) % count;
                return Some(index);
            }
        }
        None
    }

    /// Has these sent again, each in its turn.
    pub(super) fn take_back(&mut self, entries: Vec<Entry<P>>) {
        if entries.is_empty() {
            return;
        }
        if self.list.len() == 1 {
            return self.list[Self::WORK].take_back(entries);
        }
        let mut sorted: Vec<Vec<Entry<P>>> = self.list.iter().map(|_| Vec::new()).collect();
        for entry in entries {
            sorted[entry.route].push(entry);
        }
        for (route, entries) in self.list.iter_mut().zip(sorted) {
            route.take_back(entries);
        }
    }
}
