//! Tasks that lie aside before they come to the work queue (`--delay`).

use crate::amqp::Channel;
use crate::auxiliary::{Auxiliary, Replicated, YOUTH};
use crate::fault::Fault;
use crate::refusal::Mismatch;
use crate::topology::{Declare, QueueName, WorkQueue};
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

/// The queue where they lie.
#[derive(Debug)]
pub(super) struct DelayQueue {
    delay: Duration,
    work: QueueName,
    replicated: Replicated,
    declare: Declare,
    /// Since when it is known to be there.
    known: Option<Instant>,
}

impl DelayQueue {
    pub(super) fn new(delay: Delay, work: &WorkQueue) -> Self {
        Self {
            delay: delay.0,
            work: work.name.clone(),
            replicated: work.replicated(),
            declare: work.declare,
            known: None,
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
    /// No sender puts tasks into a queue that is too young to survive, so one in which tasks lie is
    /// taken for old enough. (A worker's retries of the same length go there earlier, as they are
    /// acknowledged only later.)
    pub(super) fn declare(&mut self, channel: &Channel) -> Result<Instant, Fault> {
        if self.declare == Declare::No {
            // Both were made beforehand, by somebody who may. Without the work queue, tasks would
            // lie in this one for ever.
            channel.inspect(self.work.as_str())?;
            channel.inspect(&self.name())?;
            return Ok(Instant::now());
        }
        let arguments = self.queue().arguments(&self.work, self.replicated);
        let declared = channel.declare(&self.name(), &arguments)?;
        let now = Instant::now();
        if declared.ready > 0 {
            return Ok(now);
        }
        Ok(*self.known.get_or_insert(now) + YOUTH)
    }

    /// The connection broke, perhaps with the broker.
    pub(super) fn forget_age(&mut self) {
        self.known = None;
    }

    /// Whether the channel was closed because somebody else's queue has the name. It may not bring
    /// its tasks back, so one that is a millisecond longer is used.
    pub(super) fn learn(&mut self, fault: &Fault) -> bool {
        let reply = fault.reply();
        let mismatch = reply.and_then(|reply| Mismatch::parse(&reply.text));
        if mismatch.is_some_and(|found| found.queue == self.name()) {
            self.delay += Duration::from_millis(1);
            self.known = None;
            return true;
        }
        false
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
