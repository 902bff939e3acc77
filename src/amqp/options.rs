//! What a connection is opened with.

use super::tls::Tls;
use crate::base::cancellation::WhenCancelled;
use crate::base::when_slow::WhenSlow;
use std::time::Duration;

/// What a connection is opened with.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// For all of it: name look-up, TCP, and the handshakes of TLS and AMQP.
    pub timeout: Duration,
    /// The broker is given up after two of these without a byte. Whole seconds from 1 to 65535
    /// pass over the wire; fractions are rounded up.
    pub heartbeat: Duration,
    /// What `amqps://` uses.
    pub tls: Tls,
    /// The name under which the broker lists the connection.
    pub connection_name: String,
    /// How many frames may wait for the thread that sends them.
    pub frames_in_flight: FramesInFlight,
    /// A queue that is expected to be there. The first channel looks for it as it opens, without
    /// a round trip of its own: where it is missing, the broker closes that channel with 404 and
    /// takes nothing that was published on it.
    pub expected_queue: Option<String>,
    /// Ends the attempt, and every call on the connection, when it is dropped.
    pub when_cancelled: WhenCancelled,
    /// Told when the attempt, or the connection, lasts.
    pub when_slow: WhenSlow,
}

/// Frames that a channel may hand to the I/O thread before it waits. 16, amiquip's default, costs a
/// wake-up per frame; 0 deadlocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramesInFlight {
    /// 128: measured best all round.
    Few,
    /// 512: a quarter more small tasks a second. It can hold 64 MB of frames, so it is only for
    /// connections that limit the bodies in flight themselves.
    Many,
}
