//! Tasks that lie aside before they come to the work queue (`--delay`).

use super::learn::Learnt;
use crate::amqp::Channel;
use crate::auxiliary::{Auxiliary, YOUTH};
use crate::fault::Fault;
use crate::refusal::{self, Mismatch};
use crate::topology::{Declare, QueueName, QueueType, WorkQueue};
use std::time::{Duration, Instant};

/// How long a task lies aside.
///
/// There is a queue for each length, and these queues stay. So that a user who computes delays does
/// not make thousands of them, lengths are rounded up to three digits: at most 1 % more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(Duration);

impl Delay {
    /// The longest: what RabbitMQ takes as a time to live, 2^32 - 1 ms or 49 days, less the detours.
    pub const MAX: Duration = Duration::from_secs(49 * 24 * 60 * 60);

    /// Whether it is no delay at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0.is_zero()
    }

    /// At least so long. Whole milliseconds pass over the wire.
    #[must_use]
    pub fn at_least(time: Duration) -> Self {
        let mut milliseconds = time.min(Self::MAX).as_nanos().div_ceil(1_000_000);
        let mut unit = 1;
        while milliseconds.div_ceil(unit) >= 1000 {
            unit *= 10;
        }
        milliseconds = milliseconds.div_ceil(unit) * unit;
        Self(Duration::from_millis(
            u64::try_from(milliseconds).unwrap_or(u64::MAX),
        ))
    }
}

/// What is known of the queue where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It must be asked whether it is there.
    Unknown,
    /// It was there, and is taken for old enough.
    There,
    /// It was not there, so it is made here.
    Missing,
    /// It was made here, at this moment.
    Made(Instant),
}

/// The queue where they lie.
#[derive(Debug)]
pub(super) struct DelayQueue {
    delay: Duration,
    work: QueueName,
    declare: Declare,
    standing: Standing,
}

impl DelayQueue {
    pub(super) fn new(delay: Delay, work: &WorkQueue) -> Self {
        Self {
            delay: delay.0,
            work: work.name.clone(),
            declare: work.declare,
            standing: Standing::Unknown,
        }
    }

    fn queue(&self) -> Auxiliary {
        Auxiliary::Delay(self.delay)
    }

    /// The queue's name.
    pub(super) fn name(&self) -> String {
        self.queue().name(&self.work)
    }

    /// When a task that lies there expires, for its own properties.
    pub(super) fn expiration(&self) -> Option<Duration> {
        self.queue().expiration(self.declare)
    }

    /// Declares it, and tells from when on it may be used.
    ///
    /// One that is there already is taken for old enough. Asking for it takes a round trip; the
    /// declaration behind that, which shows whether it is ours, takes none.
    pub(super) fn declare(&mut self, channel: &Channel) -> Result<Instant, Fault> {
        if self.declare == Declare::No {
            // Both were made beforehand, by somebody who may. Without the work queue, tasks would
            // lie in this one for ever.
            channel.inspect(self.work.as_str())?;
            channel.inspect(&self.name())?;
            return Ok(Instant::now());
        }
        // Its type does not depend on that of the work queue.
        let arguments = self.queue().arguments(&self.work, QueueType::Quorum);
        match self.standing {
            Standing::Unknown => {
                channel.inspect(&self.name())?;
                self.standing = Standing::There;
            }
            Standing::Missing => {
                channel.declare(&self.name(), &arguments)?;
                self.standing = Standing::Made(Instant::now());
            }
            Standing::There | Standing::Made(_) => {}
        }
        channel.declare_nowait(&self.name(), &arguments)?;
        Ok(match self.standing {
            Standing::Made(at) => at + YOUTH,
            Standing::Unknown | Standing::There | Standing::Missing => Instant::now(),
        })
    }

    /// It may be gone: the connection broke, perhaps with the broker, or no queue took a task. One
    /// that was too young by then is made once more, and waited for.
    pub(super) fn doubt(&mut self) {
        self.standing = match self.standing {
            Standing::Missing => Standing::Missing,
            Standing::Made(at) if at.elapsed() < YOUTH => Standing::Missing,
            Standing::Unknown | Standing::There | Standing::Made(_) => Standing::Unknown,
        };
    }

    /// Whether the channel was closed because the queue is not there, which is no failure; or
    /// because somebody else's has the name. That one may not bring its tasks back, so one that is
    /// a millisecond longer is used.
    pub(super) fn learn(&mut self, fault: &Fault) -> Option<Learnt> {
        let reply = fault.reply()?;
        if self.standing == Standing::Unknown && refusal::is_missing(reply, &self.name()) {
            if self.declare == Declare::No {
                return None;
            }
            self.standing = Standing::Missing;
            return Some(Learnt::Surely);
        }
        if Mismatch::parse(&reply.text).is_some_and(|found| found.queue == self.name()) {
            self.delay += Duration::from_millis(1);
            self.standing = Standing::Unknown;
            return Some(Learnt::Doubtful);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_three_digits_and_are_never_shorter() {
        for (asked, used) in [
            (1, 1),
            (999, 999),
            (1_000, 1_000),
            (1_001, 1_010),
            (90_000, 90_000),
            (123_456, 124_000),
            (999_999, 1_000_000),
            (86_400_000, 86_400_000),
        ] {
            let delay = Delay::at_least(Duration::from_millis(asked));
            assert_eq!(delay.0, Duration::from_millis(used), "{asked}");
        }
        let delay = Delay::at_least(Duration::from_nanos(1));
        assert_eq!(delay.0, Duration::from_millis(1));
        assert!(Delay::at_least(Duration::MAX).0 < Duration::from_millis(u64::from(u32::MAX)));
    }
}
