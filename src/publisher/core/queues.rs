//! What is known of the queues that messages go to, and how each is made sure of.

use super::plan::Plan;
use crate::queues::Destination;
use crate::queues::{Declare, QueueType, WorkQueue};
use std::time::Duration;

/// What is known of the queues that messages go to.
#[derive(Clone, Debug)]
pub struct Queues {
    /// The work queue.
    pub work: WorkQueue,
    /// Who declares it.
    pub upkeep: Upkeep,
    /// What must be known of it before a message is sent.
    pub needed: Needed,
    /// Its type, which the dead-letter queue is to have as well.
    pub queue_type: QueueType,
    /// Delays that are likely to follow each other. Their queues are all declared with the first,
    /// so that they are old enough when a message goes there.
    pub retry_delays: Vec<Duration>,
}

/// Who declares the work queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// This core, as [`WorkQueue`] says. Also before a message goes to a delay queue: without the
    /// work queue the message would not come back.
    Ours,
    /// Somebody else on another connection: it is there, or comes back.
    Others,
}

/// What must be known of the work queue before a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Nothing: a message that it does not take comes back.
    Nothing,
    /// That it is there, where it is not declared.
    Existence,
    /// Its type, where it is declared.
    Type,
}

impl Queues {
    /// How the queue of this destination is made sure of.
    pub(super) fn plan(&self, to: &Destination) -> Plan {
        let Queues {
            work,
            upkeep,
            needed,
            queue_type,
            ..
        } = self;
        match (to, work.declare, upkeep) {
            (Destination::Results(_), ..) => Plan::Results,
            (Destination::Reply(_), ..) | (Destination::Work, _, Upkeep::Others) => Plan::Leave,
            (Destination::Work, Declare::No, Upkeep::Ours) if *needed == Needed::Nothing => {
                Plan::Leave
            }
            (_, Declare::No, _) => Plan::Exists,
            (Destination::Work, Declare::Yes, _) => match needed {
                Needed::Type => Plan::LookThenMake,
                Needed::Existence | Needed::Nothing => Plan::LookThenBlind,
            },
            (Destination::Delay(_), Declare::Yes, Upkeep::Ours) => Plan::DelayThenBlind,
            (Destination::Delay(_), Declare::Yes, Upkeep::Others) => Plan::Delay,
            (Destination::Dead(_), Declare::Yes, _) => match queue_type {
                QueueType::Quorum => Plan::DeadQuorum,
                QueueType::Classic => Plan::Dead,
            },
        }
    }
}
