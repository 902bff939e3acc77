//! How messages are sent.

use super::queues::Queues;
use super::window::Size;
use std::num::NonZeroU32;
use std::time::Duration;

/// How messages are sent.
#[derive(Clone, Debug)]
pub struct Config {
    /// The queues that they go to.
    pub queues: Queues,
    /// How many may be unconfirmed for each destination.
    pub window: Size,
    /// The largest payload of a frame, in bytes. A message's headers must fit into one.
    pub frame_max: usize,
    /// How long the work queue may be.
    pub backlog: Option<Backlog>,
    /// How long the broker may go without confirming anything, while a connection stands.
    pub confirm_timeout: Option<Duration>,
    /// How long connections may be lost one after the other with nothing confirmed.
    pub retry_for: Option<Duration>,
    /// How long a channel is kept on which the broker refuses messages. A new one may help, where
    /// a queue's leader has died; but results come to the channel that their tasks were sent on.
    pub keep_channel: Duration,
    /// When a connection is made.
    pub connect: Connect,
}

/// When a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connect {
    /// At the start, and whenever it was lost.
    Always,
    /// When there is something to send.
    WhenNeeded,
}

/// How long the queue may be.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Tasks are sent only while fewer than this are ready.
    pub max: NonZeroU32,
    /// How long to wait for the queue to become shorter.
    pub timeout: Duration,
}
