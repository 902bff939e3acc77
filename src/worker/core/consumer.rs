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

/// One of this worker's consumers on this connection.
#[derive(Debug)]
struct Own {
    /// What it has received begins behind this.
    begins_behind: Option<AckToken>,
    /// How many of its deliveries are unsettled.
    unsettled: u64,
}

/// The connection and the consumer.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) phase: ConsumerPhase,
    prefetch: Prefetch,
    /// The newest delivery.
    newest: Option<AckToken>,
    /// The present consumer, or the last one, and before it the earlier ones with unsettled deliveries.
    own: Vec<Own>,
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
            newest: None,
            own: Vec::new(),
        }
    }

    /// Unsettled deliveries of the present consumer.
    fn taken(&self) -> u64 {
        self.own.last().map_or(0, |own| own.unsettled)
    }

    /// Unsettled deliveries of all.
    fn unsettled(&self) -> u64 {
        self.own.iter().map(|own| own.unsettled).sum()
    }

    /// How many of the consumers that the broker counts are this worker's. Quorum queues count cancelled ones,
    /// too, until their deliveries are settled.
    pub(super) fn own(&self, cancelled_count: bool) -> u32 {
        let is_cancelled = matches!(self.phase, ConsumerPhase::Shrinking | ConsumerPhase::Paused);
        let present = u32::from(!is_cancelled);
        if !cancelled_count {
            return present;
        }
        let cancelled = self.own.len().saturating_sub(usize::from(!is_cancelled));
        let cancelled = self
            .own
            .iter()
            .take(cancelled)
            .filter(|own| own.unsettled > 0);
        present + u32::try_from(cancelled.count()).unwrap_or(u32::MAX - 1)
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
            Prefetch::AtMost(most) => self.taken() >= u64::from(most.get()),
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
        self.is_full() && u64::from(most.get()) < all && self.unsettled() < all
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
        self.own.retain(|own| own.unsettled > 0);
        self.own.push(Own {
            begins_behind: self.newest,
            unsettled: 0,
        });
    }

    /// A task was delivered.
    pub(super) fn delivered(&mut self, token: Option<AckToken>) {
        self.newest = token.or(self.newest);
        if let Some(present) = self.own.last_mut() {
            present.unsettled += 1;
        }
    }

    /// A task was acknowledged, or given back.
    pub(super) fn settled(&mut self, token: AckToken) {
        let has_received = |own: &&mut Own| {
            own.begins_behind
                .is_none_or(|behind| (token.channel, token.tag) > (behind.channel, behind.tag))
        };
        if let Some(own) = self.own.iter_mut().rev().find(has_received) {
            own.unsettled = own.unsettled.saturating_sub(1);
        }
    }

    /// Whether there is a connection.
    pub(super) fn is_connected(&self) -> bool {
        self.phase != ConsumerPhase::Disconnected
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        self.phase = ConsumerPhase::Disconnected;
        self.newest = None;
        self.own.clear();
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
            && self.taken() >= prefetch
            && self.unsettled().saturating_sub(beyond) < prefetch
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
    fn a_quorum_queue_counts_cancelled_consumers_whose_tasks_are_unsettled() {
        let mut consumer = consuming(1);
        consumer.delivered(Some(token(1)));
        assert_eq!([false, true].map(|quorum| consumer.own(quorum)), [1, 1]);
        consumer.start(ConsumeOn::Same);
        consumer.phase = ConsumerPhase::Consuming;
        consumer.delivered(Some(token(2)));
        assert_eq!([false, true].map(|quorum| consumer.own(quorum)), [1, 2]);
        consumer.phase = ConsumerPhase::Shrinking;
        assert_eq!([false, true].map(|quorum| consumer.own(quorum)), [0, 2]);
        consumer.settled(token(1));
        assert_eq!([false, true].map(|quorum| consumer.own(quorum)), [0, 1]);
        consumer.settled(token(2));
        assert_eq!([false, true].map(|quorum| consumer.own(quorum)), [0, 0]);
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
        assert_eq!(consumer.unsettled(), 0);
    }
}
