//! How tasks are sent.

use super::delay::Delay;
use crate::publisher::Results;
use crate::publisher::core::Backlog;
use std::num::NonZeroUsize;
use std::time::Duration;

/// How tasks are sent.
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// How long the broker may go without confirming anything that it was sent.
    pub confirm_timeout: Duration,
    /// How many tasks may be unconfirmed.
    pub window: NonZeroUsize,
    /// How long the tasks lie aside before they come to the work queue.
    pub delay: Option<Delay>,
    /// How long the queue may be.
    pub backlog: Option<Backlog>,
    /// Whether the tasks' results are waited for.
    pub results: Results,
    /// Whether the tasks have a priority, which counts on some queues only.
    pub priority: Priority,
    /// How often the progress is shown.
    pub tick: Option<Duration>,
}

/// Whether the tasks have a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// They have; whether the queue heeds it is found out, which takes one or two round trips.
    Given,
    /// They have none.
    None,
}
