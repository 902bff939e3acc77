//! Which queues must be there before messages go to a destination.

use super::super::message::Payload;
use super::super::plan::Form;
use super::super::queues::Upkeep;
use super::super::route::Route;
use super::Routes;
use crate::queues::Destination;
use std::time::Instant;

impl<P: Payload> Routes<P> {
    /// Whether messages to this destination may be published, as far as its queue is concerned.
    pub(in crate::publisher::core) fn is_ready(&self, index: usize) -> bool {
        let route = &self.list[index];
        route.declaration.is_ready()
            && (!self.needs_work(route) || self.list[Self::WORK].declaration.is_ready())
    }

    /// Whether a message to this destination may be published now.
    pub(in crate::publisher::core) fn is_open(&self, index: usize, now: Instant) -> bool {
        self.is_ready(index) && self.list[index].pace.is_open(now)
    }

    /// Whether messages there come to nothing without the work queue.
    pub(super) fn needs_work(&self, route: &Route<P>) -> bool {
        self.queues.upkeep == Upkeep::Ours && matches!(route.to, Destination::Delay(_))
    }

    /// Whether messages to route `index` come to nothing without the queue of route `other`.
    pub(in crate::publisher::core) fn needs(&self, index: usize, other: usize) -> bool {
        index == other || (other == Self::WORK && self.needs_work(&self.list[index]))
    }

    /// Whether messages wait that come to nothing without this queue.
    pub(in crate::publisher::core) fn has_pending_that_need(&self, other: usize) -> bool {
        let mut routes = self.list.iter().enumerate();
        routes.any(|(index, route)| route.has_pending() && self.needs(index, other))
    }

    /// Whether messages to this destination may come in: what is left to do needs no answer.
    pub(in crate::publisher::core) fn may_accept(&self, index: usize) -> bool {
        let is_open = |route: &Route<P>| {
            route.declaration.is_ready() || route.declaration.wants() == Some(Form::Blind)
        };
        let route = &self.list[index];
        is_open(route) && (!self.needs_work(route) || is_open(&self.list[Self::WORK]))
    }

    /// Whether this queue is to be there now.
    pub(in crate::publisher::core) fn is_needed(&self, index: usize) -> bool {
        let mut routes = self.list.iter().enumerate();
        routes.any(|(other, route)| route.is_needed() && self.needs(other, index))
    }

    /// Has the declarations checked on which messages to this destination depend. Whether there is
    /// anything to check.
    pub(in crate::publisher::core) fn check(&mut self, index: usize) -> bool {
        let needs_work = self.needs_work(&self.list[index]);
        let mut any = false;
        for other in [index, Self::WORK] {
            let declaration = &mut self.list[other].declaration;
            if (other == index || needs_work) && declaration.is_unverified() {
                declaration.check();
                any = true;
            }
        }
        any
    }
}
