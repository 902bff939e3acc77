//! What the broker is known never to take: it is not sent at all.

use super::faults;
use super::message::Payload;
use crate::base::fault::Fault;
use crate::queues::Destination;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the largest body that is known counts. Then a larger one is tried, alone: the limit may
/// have been raised.
const HOLDS: Duration = Duration::from_secs(5);

/// The largest payload of a frame, in bytes: RabbitMQ's default for `frame_max`. It accepts that
/// many, although the eight bytes around a payload count, too. A message's headers must fit into
/// one.
pub(super) const FRAME_MAX: usize = 131_072;

/// How many addresses are remembered at which nobody can receive a result.
const ADDRESSES: usize = 1000;

/// What is known of what the broker takes.
#[derive(Debug, Default)]
pub(super) struct Limits {
    /// The largest body, as the broker said of a larger one.
    body_max: Option<BodyMax>,
    /// Reply addresses that cost the connection.
    dead_ends: VecDeque<String>,
}

#[derive(Debug)]
struct BodyMax {
    bytes: usize,
    /// The broker's words.
    fault: Fault,
    /// When it said so, over this connection.
    since: Option<Instant>,
}

/// Whether the broker takes a message.
#[derive(Debug)]
pub(super) enum Expected {
    /// As far as is known.
    Yes,
    /// It has refused bodies of this size; this one is tried alone.
    Hardly,
    /// Never.
    No(Fault),
}

impl Limits {
    /// Whether the broker takes this.
    pub(super) fn expected(&self, payload: &impl Payload, now: Instant) -> Expected {
        let header_len = payload.header_len();
        if header_len > FRAME_MAX {
            return Expected::No(faults::header_too_large(header_len, FRAME_MAX));
        }
        match &self.body_max {
            Some(max) if payload.body_len() > max.bytes => {
                if max.since.is_some_and(|since| now < since + HOLDS) {
                    Expected::No(max.fault.clone())
                } else {
                    Expected::Hardly
                }
            }
            Some(_) | None => Expected::Yes,
        }
    }

    /// Whether the body is larger than the broker takes, as it said just now.
    pub(super) fn is_too_large(&self, payload: &impl Payload) -> bool {
        let max = self.body_max.as_ref();
        max.is_some_and(|max| payload.body_len() > max.bytes)
    }

    /// The broker has taken a body of `body_len` bytes.
    pub(super) fn taken(&mut self, body_len: usize) {
        if matches!(&self.body_max, Some(max) if body_len > max.bytes) {
            self.body_max = None;
        }
    }

    /// There is another connection: the broker may have been restarted with another limit.
    pub(super) fn connected(&mut self) {
        if let Some(max) = &mut self.body_max {
            max.since = None;
        }
    }

    /// Whether nobody can receive what is sent there.
    pub(super) fn is_dead_end(&self, to: &Destination) -> bool {
        match to {
            Destination::Reply(address) => self.dead_ends.contains(address),
            Destination::Work
            | Destination::Delay(_)
            | Destination::Dead(_)
            | Destination::Results(_) => false,
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
    pub(super) fn learn_body(&mut self, fault: &Fault, now: Instant) -> bool {
        let Some(bytes) = faults::largest_body(fault) else {
            return false;
        };
        self.body_max = Some(BodyMax {
            bytes,
            fault: fault.clone(),
            since: Some(now),
        });
        true
    }
}
