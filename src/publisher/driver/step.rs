//! What the driver does next.

use crate::amqp::Channel;
use crate::base::fault::Fault;
use crate::publisher::declaring::{Request, Requests};
use std::time::{Duration, Instant};

/// The channel that is published on.
#[derive(Clone, Copy)]
pub(super) struct OpenChannel<'a> {
    pub(super) channel: &'a Channel,
    pub(super) requests: &'a Requests,
}

/// What is to be done where only the caller can.
pub(super) enum NextStep {
    /// The same again: there was much to do.
    Again,
    Wait(Option<Instant>),
    Connect {
        pause: Duration,
        look_for: Option<String>,
    },
    Disconnect,
    OpenChannel,
    Declare(Request),
    Measure,
    /// A message could not be handed over.
    Failed(Fault),
}

/// Why a channel or a connection is left.
pub(super) enum Left {
    /// All is done.
    Done,
    /// It is gone, or broken; as far as is known, why.
    Ended(Fault),
    /// The channel is gone, and the core knows.
    Closed,
    /// The core wants another channel.
    Replaced,
    /// The core wants another connection.
    GivenUp,
}
