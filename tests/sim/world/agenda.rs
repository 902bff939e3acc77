//! What happens next.

use super::port::{Happening, Port};
use crate::broker::method::{ChannelId, ConnectionId, Reply};
use crate::broker::{Input, Time};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens next.
#[derive(Clone, Debug)]
pub enum Event {
    Arrives(ConnectionId, u64, Input),
    /// To the actor that is, or was, at this port.
    Happens(Port, Happening),
    Said(ConnectionId, ChannelId, Reply),
    Broker,
    /// The fault of this number begins, or ends.
    Fault(usize),
}

/// What happens next, in order of time and then as it was scheduled.
#[derive(Default)]
pub struct Agenda {
    /// When, the how-manieth, and where in `events`.
    order: BinaryHeap<Reverse<(Time, u64, usize)>>,
    events: Vec<Option<Event>>,
    free: Vec<usize>,
    scheduled: u64,
}

impl Agenda {
    pub fn add(&mut self, at: Time, event: Event) {
        self.scheduled += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.order.push(Reverse((at, self.scheduled, place)));
    }

    pub fn next(&mut self) -> Option<(Time, Event)> {
        let Reverse((at, _, place)) = self.order.pop()?;
        self.free.push(place);
        Some((at, self.events[place].take()?))
    }
}
