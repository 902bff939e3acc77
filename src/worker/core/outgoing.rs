//! The boundary with whoever publishes.

use crate::fault::Fault;
use crate::task::Task;
use crate::topology::QueueName;
use std::time::Duration;

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the end of the work queue.
    Work,
    /// To the delay queue of this length, from which it returns to the work queue.
    Delay(Duration),
    /// To the dead letters.
    Dead(QueueName),
    /// To whoever waits for the outcome; if nobody does any more, that is all right.
    Reply(String),
}

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
