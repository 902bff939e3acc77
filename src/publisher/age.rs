//! A quorum queue that this sender makes is used only once it is sure to survive.

use super::Publisher;
use super::course::PATIENCE;
use crate::amqp::{Channel, Link};
use crate::auxiliary::YOUTH;
use crate::fault::Fault;
use crate::refusal;
use crate::topology::{Declare, QueueType, WorkQueue};
use std::time::Instant;

/// How old the work queue is, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It does not matter.
    Any,
    /// It must be asked whether it is there.
    Unknown,
    /// It was there when this sender last looked, and is taken for old enough.
    Enough,
    /// It was not, so it is made here: when it was, if it was.
    Ours(Option<Instant>),
}

impl Age {
    /// Classic queues survive from the first moment on, and one that is not declared was there.
    pub(super) fn of(queue: &WorkQueue) -> Self {
        match (queue.queue_type, queue.declare) {
            // Where no type is stated the vhost's default type decides.
            (Some(QueueType::Quorum) | None, Declare::Yes) => Self::Unknown,
            (Some(QueueType::Classic), _) | (_, Declare::No) => Self::Any,
        }
    }

    /// Whether the channel was closed because the queue is not there, which is no failure.
    pub(super) fn learn(&mut self, fault: &Fault, queue: &WorkQueue) -> bool {
        let reply = fault.reply();
        let is_missing = reply.is_some_and(|reply| refusal::is_missing(reply, queue.name.as_str()));
        if matches!(self, Self::Unknown | Self::Enough) && is_missing {
            *self = Self::Ours(None);
            return true;
        }
        false
    }

    /// The queue may be gone: the connection broke, perhaps with the broker, or no queue took a task.
    /// One that was too young by then is made once more, and waited for.
    pub(super) fn doubt(&mut self) {
        *self = match *self {
            Self::Any => Self::Any,
            Self::Ours(None) => Self::Ours(None),
            Self::Ours(Some(made)) if made.elapsed() < YOUTH => Self::Ours(None),
            Self::Unknown | Self::Enough | Self::Ours(Some(_)) => Self::Unknown,
        };
    }

    /// From when on the queue may be used.
    pub(super) fn usable_from(self) -> Instant {
        match self {
            Self::Ours(Some(made)) => made + YOUTH,
            Self::Any | Self::Unknown | Self::Enough | Self::Ours(None) => Instant::now(),
        }
    }
}

impl Publisher<'_> {
    /// A channel, and the queue on it where its age matters.
    pub(super) fn channel_for_age(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        match self.age {
            Age::Unknown if link.looks_for_queue() => {
                self.age = Age::Enough;
                link.channel()
            }
            Age::Unknown => {
                // A node that hangs is left for another one as soon as while it confirms nothing.
                let channel = link.channel()?.with_limit(PATIENCE);
                channel.inspect(self.queue.name.as_str())?;
                self.age = Age::Enough;
                Ok(channel)
            }
            Age::Ours(None) => {
                self.queue_type = None;
                let channel = self.open(link)?;
                self.age = match self.queue_type {
                    Some(QueueType::Classic) => Age::Any,
                    Some(QueueType::Quorum) | None => Age::Ours(Some(Instant::now())),
                };
                Ok(channel)
            }
            Age::Any | Age::Enough | Age::Ours(Some(_)) => link.channel(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_gone_is_looked_for_and_what_is_young_is_waited_for_anew() {
        let doubted = |mut age: Age| {
            age.doubt();
            age
        };
        let young = Instant::now();
        assert_eq!(doubted(Age::Any), Age::Any);
        assert_eq!(doubted(Age::Enough), Age::Unknown);
        assert_eq!(doubted(Age::Ours(Some(young))), Age::Ours(None));
        assert_eq!(doubted(Age::Ours(None)), Age::Ours(None));
        if let Some(old) = young.checked_sub(YOUTH) {
            assert_eq!(doubted(Age::Ours(Some(old))), Age::Unknown);
        }
        assert!(Age::Ours(Some(young)).usable_from() > Instant::now());
        assert!(Age::Enough.usable_from() <= Instant::now());
    }
}
