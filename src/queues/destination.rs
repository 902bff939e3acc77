//! Where messages go: the work queue, the queues next to it, and clients that wait for a result.

use super::{Declare, QueueName, QueueType};
use crate::amqp::QueueArguments;
use std::time::Duration;

/// Where a message goes. Arguments stand on the queues next to the work queue alone: every other
/// client's plain declaration of the work queue must go on to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To the end of the work queue.
    Work,
    /// To `QUEUE.delay.MS`, whose tasks return to the work queue after this time. One per length,
    /// since only the first task of a queue expires.
    ///
    /// It is a quorum queue whatever the work queue is, because only these hand a task over *at
    /// least once*: a classic queue forgets a task before the work queue has it on disk. Measured:
    /// of 200 tasks on a broker that was killed, the 2 to 4 that had returned within the last 0.4 s
    /// were lost. Needs RabbitMQ 3.10 or later.
    ///
    /// It has no `x-expires`: declaring a quorum queue again does not begin that time anew, so it
    /// would go with the tasks in it (measured: 22 of 32 lost). There is one queue for each pause.
    Delay(Duration),
    /// To the dead letters, in the queue of this name.
    Dead(QueueName),
    /// To the client that waits at this address: RabbitMQ's direct reply-to, or an exclusive queue. A result
    /// that nobody receives counts as delivered.
    Reply(String),
    /// To the queue of this name, which keeps results until they are collected. If it is gone, they
    /// are not wanted any more.
    Results(String),
}

/// Far beyond how often anyone lists the dead letters. Each listing counts as a delivery, and a
/// quorum queue discards a message beyond its limit (20 by default from RabbitMQ 4.0 on).
const DEAD_DELIVERY_LIMIT: i64 = 1_000_000_000;

impl Destination {
    /// The queue's name, next to the work queue `work`; empty for a reply.
    #[must_use]
    pub fn queue(&self, work: &QueueName) -> String {
        match self {
            Self::Work => work.as_str().to_owned(),
            Self::Reply(_) => String::new(),
            Self::Results(name) => name.clone(),
            Self::Delay(delay) => format!("{}.delay.{}", work.as_str(), delay.as_millis()),
            Self::Dead(name) => name.as_str().to_owned(),
        }
    }

    /// When a task that is put there expires, for its own properties; next to a queue that is
    /// declared by us or not.
    ///
    /// The queue's `x-message-ttl` is not enough. A quorum queue of RabbitMQ 3.10 takes messages a
    /// moment before it knows its time to live, from clients that declare it at the same time as
    /// the one that makes it. Such a message never expires, nor does any behind it (measured on
    /// three nodes with four clients at once: 43 of 150 queues; with this, none of 120).
    ///
    /// Of a queue that was made beforehand it is not known where an expired task goes.
    #[must_use]
    pub fn expiration(&self, declare: Declare) -> Option<Duration> {
        match self {
            Self::Delay(delay) if declare == Declare::Yes => Some(*delay),
            _ => None,
        }
    }

    /// The arguments that a queue next to the work queue `work` is declared with, where that is of
    /// type `queue_type`. The type is always among them: without it a queue is of the vhost's
    /// default type.
    #[must_use]
    pub fn arguments(&self, work: &QueueName, queue_type: QueueType) -> Option<QueueArguments> {
        let arguments = QueueArguments::default();
        Some(match (self, queue_type) {
            (Self::Work | Self::Reply(_) | Self::Results(_), _) => return None,
            (Self::Dead(_), QueueType::Classic) => arguments.with_text("x-queue-type", "classic"),
            (Self::Dead(_), QueueType::Quorum) => arguments
                .with_text("x-queue-type", "quorum")
                .with_number("x-delivery-limit", DEAD_DELIVERY_LIMIT),
            (Self::Delay(delay), _) => {
                arguments
                    .with_milliseconds("x-message-ttl", *delay)
                    .with_text("x-dead-letter-exchange", "")
                    .with_text("x-dead-letter-routing-key", work.as_str())
                    .with_text("x-queue-type", "quorum")
                    // The task leaves the delay queue only when the work queue has confirmed it;
                    // RabbitMQ wants this overflow with it.
                    .with_text("x-dead-letter-strategy", "at-least-once")
                    .with_text("x-overflow", "reject-publish")
            }
        })
    }
}
