//! The boundary with whoever publishes.

use crate::base::fault::Fault;
pub use crate::publisher::core::Destination;
use crate::task::Task;

/// A message to publish. Its number comes back with the verdict.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// From 1, never used twice.
    pub number: u64,
    /// Where it goes.
    pub to: Destination,
    /// What it is.
    pub task: Task,
}

/// What came of a message.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is safe there.
    Confirmed {
        /// In this queue.
        queue: String,
    },
    /// It cannot be taken, now or later. This concerns the one message.
    Refused {
        /// Why.
        fault: Fault,
    },
    /// It may be there or not.
    Undecided {
        /// Why.
        fault: Fault,
    },
    /// It was not sent and will not be. Answers [`super::Action::Withdraw`].
    Withdrawn,
}
