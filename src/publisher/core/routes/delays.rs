//! Delay queues that are used instead of others.

use super::super::declaration::Declaration;
use super::super::message::{Entry, Payload};
use super::super::plan::Plan;
use super::Routes;
use crate::queues::Destination;
use std::time::Duration;

impl<P: Payload> Routes<P> {
    /// A destination with the delay that its queue really has.
    pub(in crate::publisher::core) fn real(&self, to: &Destination) -> Destination {
        let Destination::Delay(delay) = to else {
            return to.clone();
        };
        let longer = self.lengthened.iter().find(|(of, _)| of == delay);
        let longer = longer.map_or(0, |(_, longer)| *longer);
        Destination::Delay(*delay + Duration::from_millis(u64::from(longer)))
    }

    /// The delay queue does not confirm, or is somebody else's: one whose delay is a millisecond
    /// longer is used instead. Whether there can be one.
    pub(in crate::publisher::core) fn lengthen_delay(&mut self, index: usize) -> bool {
        let route = &self.list[index];
        let plan = route.declaration.plan();
        let Destination::Delay(delay) = route.to else {
            return false;
        };
        if plan == Plan::Exists {
            return false;
        }
        match self.lengthened.iter_mut().find(|(of, _)| *of == delay) {
            Some((_, longer)) => *longer += 1,
            None => self.lengthened.push((delay, 1)),
        }
        let queue = self.name(&Destination::Delay(delay));
        let route = &mut self.list[index];
        route.queue = queue.into();
        route.declaration = Declaration::new(plan);
        // Whether the old queue was safe will never be known.
        let held = route.release().into_iter().map(Entry::perhaps);
        route.take_back(held.collect());
        true
    }
}
