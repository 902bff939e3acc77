//! A quorum queue that this sender makes is used only once it is sure to survive.

use super::Publisher;
use crate::amqp::{Channel, Link};
use crate::auxiliary::YOUTH;
use crate::fault::Fault;
use crate::topology::{Declare, QueueType, WorkQueue};
use std::time::Instant;

/// How old the work queue is, where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Old enough, as far as can be told.
    Enough,
    /// It must be asked whether it is there.
    Unknown,
    /// It was not, so it is made here: when it was, if it was.
    Ours(Option<Instant>),
}

impl Age {
    /// Classic queues survive from the first moment on, and one that is not declared was there.
    pub(super) fn of(queue: &WorkQueue) -> Self {
        match (queue.queue_type, queue.declare) {
            (Some(QueueType::Quorum), Declare::Yes) => Self::Unknown,
            _ => Self::Enough,
        }
    }

    /// Whether the channel was closed because the queue is not there, which is no failure.
    pub(super) fn learn(&mut self, fault: &Fault) -> bool {
        let is_missing = fault.reply().is_some_and(|reply| reply.code == 404);
        if *self == Self::Unknown && is_missing {
            *self = Self::Ours(None);
            return true;
        }
        false
    }

    /// The connection broke, perhaps with the broker, and the queue with that.
    pub(super) fn forget(&mut self) {
        if let Self::Ours(made) = self {
            *made = None;
        }
    }

    /// From when on the queue may be used.
    pub(super) fn usable_from(self) -> Instant {
        match self {
            Self::Ours(Some(made)) => made + YOUTH,
            Self::Enough | Self::Unknown | Self::Ours(None) => Instant::now(),
        }
    }
}

impl Publisher<'_> {
    /// A channel, and the queue on it where its age matters.
    pub(super) fn channel_for_age(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        match self.age {
            Age::Unknown => {
                let channel = link.channel()?;
                channel.inspect(self.queue.name.as_str())?;
                self.age = Age::Enough;
                Ok(channel)
            }
            Age::Ours(None) => {
                let opened = self.queue.open(link)?;
                self.age = Age::Ours(Some(Instant::now()));
                Ok(opened.channel)
            }
            Age::Enough | Age::Ours(Some(_)) => link.channel(),
        }
    }
}
