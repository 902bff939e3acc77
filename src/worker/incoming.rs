//! What other threads tell the loop.

use super::core::{CannotRun, Verdict};
use super::process::Ran;

/// What reaches the loop besides deliveries.
pub(super) enum Incoming {
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The command in a slot has ended, or could not be run.
    Ran {
        slot: usize,
        ran: Result<Ran, CannotRun>,
    },
    /// Something to warn of.
    Warning(String),
    /// What came of a message.
    Verdict { number: u64, verdict: Verdict },
}
