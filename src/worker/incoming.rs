//! What other threads tell the loop.

use super::core::{CannotRun, Verdict};
use super::process::Ran;
use crate::base::fault::Fault;

/// What reaches the loop beside deliveries.
pub(super) enum Incoming {
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The broker cannot be reached; the connector keeps trying.
    Retrying(Fault),
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
