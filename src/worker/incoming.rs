//! What other threads tell the loop.

use super::core::{CannotRun, Verdict};
use super::process::{Ran, Then};

/// What reaches the loop besides deliveries.
pub(super) enum Incoming {
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The command in a slot has ended, or could not be run.
    Ran {
        slot: usize,
        ran: Result<Ran, CannotRun>,
        then: Then,
    },
    /// Something to warn of.
    Warning(String),
    /// What came of a message.
    Verdict { number: u64, verdict: Verdict },
}

impl Incoming {
    /// What a slot does that has told of its command.
    pub(super) fn then(&self) -> Option<Then> {
        match self {
            Self::Ran { then, .. } => Some(*then),
            Self::Signal | Self::Warning(_) | Self::Verdict { .. } => None,
        }
    }
}
