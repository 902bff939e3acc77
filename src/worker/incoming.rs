//! What other threads tell the loop.

use super::core::{CannotRun, Verdict};
use super::process::Ran;

/// What reaches the loop besides deliveries.
pub(super) enum Incoming {
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The command in a slot has ended, or could not be run. The slot waits.
    Ran {
        slot: usize,
        ran: Result<Ran, CannotRun>,
    },
    /// Commands have ended, and their slots have begun the next tasks by themselves.
    TookNext,
    /// Something to warn of.
    Warning(String),
    /// What came of a message.
    Verdict { number: u64, verdict: Verdict },
}
