//! What the broker is known never to take: it is not sent at all.

use super::faults;
use super::message::{Destination, Payload};
use crate::fault::Fault;
use std::collections::VecDeque;

/// So many addresses are remembered at which nobody can receive a result.
const ADDRESSES: usize = 1000;

/// What is known of what the broker takes.
#[derive(Debug)]
pub(super) struct Limits {
    /// The largest payload of a content header frame.
    header_max: usize,
    /// The largest body, and what the broker said of a larger one.
    body_max: Option<(usize, Fault)>,
    /// Reply addresses that cost the connection.
    dead_ends: VecDeque<String>,
}

impl Limits {
    /// RabbitMQ takes frames whose payload is not larger than `frame_max`.
    pub(super) fn new(frame_max: usize) -> Self {
        Self {
            header_max: frame_max,
            body_max: None,
            dead_ends: VecDeque::new(),
        }
    }

    /// Why the broker would never take this, if it would not.
    pub(super) fn refuse(&self, payload: &impl Payload) -> Option<Fault> {
        if payload.header_len() > self.header_max {
            return Some(faults::header_too_large(
                payload.header_len(),
                self.header_max,
            ));
        }
        let (max, fault) = self.body_max.as_ref()?;
        (payload.body_len() > *max).then(|| fault.clone())
    }

    /// There is another connection: the broker may have been restarted with another limit.
    pub(super) fn connected(&mut self) {
        self.body_max = None;
    }

    /// Whether nobody can receive what is sent there.
    pub(super) fn is_dead_end(&self, to: &Destination) -> bool {
        match to {
            Destination::Reply(address) => self.dead_ends.contains(address),
            Destination::Work | Destination::Delay(_) | Destination::Dead(_) => false,
        }
    }

    /// What is sent to this address costs the connection.
    pub(super) fn dead_end(&mut self, address: String) {
        if self.dead_ends.len() == ADDRESSES {
            self.dead_ends.pop_front();
        }
        self.dead_ends.push_back(address);
    }

    /// The broker closed the channel over a body that is too large: learns the largest size from
    /// its words. Whether that was it.
    pub(super) fn learn_body(&mut self, fault: &Fault) -> bool {
        let Some(max) = faults::largest_body(fault) else {
            return false;
        };
        self.body_max = Some((max, fault.clone()));
        true
    }
}
