//! What the core hands to the publisher, and what comes back.

use crate::base::fault::Fault;
use crate::publisher::core::Message;
pub use crate::queues::Destination;
use crate::task::Task;

/// A message to publish. Its number, from 1 and never used twice, comes back with the verdict.
pub type Outgoing = Message<Task>;

/// What came of a message.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It is safe there, in this queue.
    Confirmed(String),
    /// It cannot be taken, now or later; why. This concerns the one message.
    Refused(Fault),
    /// It may be there or not; why.
    Undecided(Fault),
    /// It was not sent and will not be. Answers [`super::Action::Withdraw`].
    Withdrawn,
}
