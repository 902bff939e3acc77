//! What is told of a task's end, and how much of it.

use super::policy::Outcome;
use std::time::{Duration, SystemTime};

/// What is told of a task's end: an outcome, or why it never began.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) outcome: Option<Outcome>,
    pub(super) took: Duration,
    /// When it began.
    pub(super) started: Option<SystemTime>,
    /// Why it failed.
    pub(super) reason: String,
}

impl Account {
    /// Of a task that has ended by now.
    pub(super) fn of(outcome: Outcome, took: Duration, now: SystemTime) -> Self {
        Self {
            started: now.checked_sub(took),
            reason: outcome.ending.describe(),
            outcome: Some(outcome),
            took,
        }
    }

    pub(super) fn not_begun(reason: String) -> Self {
        Self {
            outcome: None,
            took: Duration::ZERO,
            started: None,
            reason,
        }
    }

    /// The end of the command's stderr.
    pub(super) fn stderr(&self) -> String {
        // What is not UTF-8 is replaced, since a header must be.
        let bytes = self.outcome.as_ref().map(|outcome| &outcome.stderr[..]);
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    }
}

/// How much is told of a failure. A dead letter's headers must fit into one frame of 128 KiB, and
/// the task's own may fill it nearly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Full,
    /// All but the end of stderr.
    WithoutStderr,
    /// The number of attempts and the beginning of the reason.
    Reason,
    /// The task alone.
    Nothing,
}

impl Detail {
    /// The next smaller one.
    pub(super) fn less(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::WithoutStderr),
            Self::WithoutStderr => Some(Self::Reason),
            Self::Reason => Some(Self::Nothing),
            Self::Nothing => None,
        }
    }
}
