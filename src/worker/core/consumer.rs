//! The connection and the consumer, as far as decisions depend on them.
//!
//! The broker delivers at most `--prefetch` tasks that are not settled. A task that is held back,
//! or whose settlement takes long, would take up one of these places for all that time, while tasks
//! wait in the queue. AMQP cannot give a running consumer more places. But what an earlier consumer
//! of the channel received does not count for the next one. So when no place is left although a
//! slot is free, the consumer is replaced by a new one.

use super::ConsumeOn;
use super::auto_prefetch::AutoPrefetch;
use crate::amqp::{AckToken, Prefetch};
use std::time::Instant;

/// How many tasks may be held back, or wait for their settlement, beyond the prefetch.
const BEYOND_MAX: u64 = 256;

/// Where the worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConsumerPhase {
    /// There is no connection.
    Disconnected,
    /// A consumer is being started.
    Starting(ConsumeOn),
    /// Tasks come.
    Consuming,
    /// The consumer is being cancelled, and what for.
    Cancelling(CancelFor),
    /// There is a connection and no consumer.
    Paused,
    /// The same. Another one follows when what is here has begun.
    Shrinking,
}

/// What a consumer is cancelled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CancelFor {
    /// The worker stops.
    Stop,
    /// The queue seems to be empty. To be sure, no task may be on its way here.
    LookAgain,
    /// Another one follows at once.
    Renew,
    /// The host is busy.
    Pause,
    /// One with fewer tasks follows.
    Shrink,
}

/// The connection and the consumer.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) phase: ConsumerPhase,
    prefetch: Prefetch,
    /// What the present consumer has received begins behind this.
    begins_behind: Option<AckToken>,
    /// The newest delivery.
    newest: Option<AckToken>,
    /// Unsettled deliveries of the present consumer, and of all.
    taken: u64,
    unsettled: u64,
    /// With `--prefetch auto`: what that follows from.
    pub(super) auto: Option<AutoPrefetch>,
    /// How many tasks run for long, behind which nothing is held.
    pub(super) long_runs: usize,
    /// How many tasks beyond what runs the present consumer may have.
    pub(super) granted: u64,
    /// When one more of them does.
    pub(super) next_long: Option<Instant>,
}

impl Consumer {
    pub(super) fn new(prefetch: Prefetch, auto: Option<AutoPrefetch>) -> Self {
        Self {
            auto,
            long_runs: 0,
            granted: 0,
            next_long: None,
            phase: ConsumerPhase::Disconnected,
            prefetch,
            begins_behind: None,
            newest: None,
            taken: 0,
            unsettled: 0,
        }
    }

    /// How many unsettled tasks it may have, or the next one.
    pub(super) fn prefetch(&self) -> Prefetch {
        self.prefetch
    }

    pub(super) fn set_prefetch(&mut self, prefetch: Prefetch) {
        self.prefetch = prefetch;
    }

    /// Whether it has all the tasks that it may have.
    fn is_full(&self) -> bool {
        match self.prefetch {
            Prefetch::AtMost(most) => self.taken >= u64::from(most.get()),
            Prefetch::Unlimited => false,
        }
    }

    /// Whether more may come.
    pub(super) fn has_room(&self) -> bool {
        !self.is_full()
    }

    /// Whether it has as many tasks as it may, and that is fewer than the worker may have (`all`).
    pub(super) fn is_too_small(&self, all: u64) -> bool {
        let Prefetch::AtMost(most) = self.prefetch else {
            return false;
        };
        self.is_full() && u64::from(most.get()) < all && self.unsettled < all
    }

    /// Acknowledgements are about to be sent at this time.
    pub(super) fn makes_room(&mut self, now: Instant) {
        let is_full = self.phase == ConsumerPhase::Consuming && self.is_full();
        if let Some(auto) = self.auto.as_mut().filter(|_| is_full) {
            auto.made_room(now);
        }
    }

    /// A consumer is started.
    pub(super) fn start(&mut self, on: ConsumeOn) {
        self.phase = ConsumerPhase::Starting(on);
        self.begins_behind = self.newest;
        self.taken = 0;
    }

    /// A task was delivered.
    pub(super) fn delivered(&mut self, token: Option<AckToken>) {
        self.newest = token.or(self.newest);
        self.taken += 1;
        self.unsettled += 1;
    }

    /// A task was acknowledged, or given back.
    pub(super) fn settled(&mut self, token: AckToken) {
        self.unsettled = self.unsettled.saturating_sub(1);
        let is_present = match self.begins_behind {
            Some(behind) => (token.channel, token.tag) > (behind.channel, behind.tag),
            None => true,
        };
        if is_present {
            self.taken = self.taken.saturating_sub(1);
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.phase != ConsumerPhase::Disconnected
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        self.phase = ConsumerPhase::Disconnected;
        (self.begins_behind, self.newest) = (None, None);
        (self.taken, self.unsettled) = (0, 0);
        if let Some(auto) = &mut self.auto {
            auto.others.disconnected();
        }
    }

    /// Whether a new consumer would receive tasks and this one does not: `beyond` of the unsettled
    /// tasks are not to count.
    pub(super) fn is_starved(&self, beyond: usize) -> bool {
        let Prefetch::AtMost(prefetch) = self.prefetch else {
            return false;
        };
        let prefetch = u64::from(prefetch.get());
        let beyond = beyond as u64;
        self.phase == ConsumerPhase::Consuming
            && self.taken >= prefetch
            && self.unsettled.saturating_sub(beyond) < prefetch
            && beyond < BEYOND_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    fn token(tag: u64) -> AckToken {
        AckToken { channel: 1, tag }
    }

    fn consuming(prefetch: u16) -> Consumer {
        let prefetch = Prefetch::AtMost(NonZeroU16::new(prefetch).unwrap());
        let mut consumer = Consumer::new(prefetch, None);
        consumer.start(ConsumeOn::Same);
        consumer.phase = ConsumerPhase::Consuming;
        consumer
    }

    #[test]
    fn a_task_that_is_held_back_starves_the_others_until_the_consumer_is_renewed() {
        let mut consumer = consuming(2);
        consumer.delivered(Some(token(1)));
        assert!(!consumer.is_starved(1), "there is a place left");
        consumer.delivered(Some(token(2)));
        assert!(!consumer.is_starved(0), "the prefetch is used");
        assert!(consumer.is_starved(1));
        consumer.start(ConsumeOn::Same);
        consumer.phase = ConsumerPhase::Consuming;
        assert!(!consumer.is_starved(1));
        for tag in [3, 4] {
            consumer.delivered(Some(token(tag)));
        }
        assert!(!consumer.is_starved(1), "three are at work");
        consumer.settled(token(2));
        assert!(!consumer.is_starved(1), "two are at work");
        consumer.settled(token(3));
        assert!(!consumer.is_starved(1), "there is a place again");
    }

    #[test]
    fn there_is_a_bound() {
        let mut consumer = consuming(1);
        for tag in 1..=BEYOND_MAX {
            consumer.delivered(Some(token(tag)));
            let beyond = usize::try_from(tag).unwrap();
            assert_eq!(consumer.is_starved(beyond), tag < BEYOND_MAX, "{tag}");
            consumer.start(ConsumeOn::Same);
            consumer.phase = ConsumerPhase::Consuming;
        }
        consumer.disconnected();
        assert_eq!(consumer.unsettled, 0);
    }
}
