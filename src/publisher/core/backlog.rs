//! Sending only while the queue is short.

use super::config::Backlog;
use super::faults;
use crate::base::fault::Fault;
use crate::queues::QueueName;
use std::time::{Duration, Instant};

/// How often the queue's length is asked for at most. Each costs the broker one request.
const POLL: Duration = Duration::from_millis(100);

/// Lets through as many messages as the queue has room for, and then wants to know its length
/// again.
#[derive(Debug, Default)]
pub(super) struct BacklogLimit {
    limit: Option<Backlog>,
    /// How many may pass before the queue is asked again.
    room: u64,
    /// A message waits that may not pass.
    wanted: bool,
    asked: bool,
    next_poll: Option<Instant>,
    /// Since when the queue has been too long.
    full_since: Option<Instant>,
    /// Since when there has been no queue to ask.
    missing_since: Option<Instant>,
}

/// What the length of the queue means.
#[derive(Debug)]
pub(super) enum Measured {
    /// Nothing new.
    Known,
    /// For the first time since a message passed, the queue is too long.
    JustFull,
    /// It has been for too long.
    TooLong(Fault),
}

impl BacklogLimit {
    pub(super) fn new(limit: Option<Backlog>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Whether a message may pass. If not, the queue's length is wanted.
    pub(super) fn is_open(&mut self) -> bool {
        let open = self.limit.is_none() || self.room > 0;
        self.wanted |= !open;
        open
    }

    /// Whether the queue's length is wanted.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// A message has passed.
    pub(super) fn passed(&mut self) {
        self.room = self.room.saturating_sub(1);
    }

    /// When to ask for the queue's length, if it is wanted. Only while nothing is in flight, which
    /// the queue would not count yet.
    pub(super) fn asks_at(&self, now: Instant) -> Option<Instant> {
        let asks = self.wanted && !self.asked;
        asks.then(|| self.next_poll.map_or(now, |at| at.max(now)))
    }

    /// The queue's length is being asked for.
    pub(super) fn ask(&mut self) {
        self.asked = true;
    }

    /// The queue has this many ready tasks.
    pub(super) fn measured(&mut self, ready: u32, queue: &QueueName, now: Instant) -> Measured {
        let Some(limit) = self.limit else {
            return Measured::Known;
        };
        self.asked = false;
        self.wanted = false;
        self.missing_since = None;
        self.room = u64::from(limit.max.get().saturating_sub(ready));
        if self.room > 0 {
            self.full_since = None;
            self.next_poll = Some(now + POLL);
            return Measured::Known;
        }
        let just = self.full_since.is_none();
        let since = *self.full_since.get_or_insert(now);
        let until = since.checked_add(limit.timeout);
        if until.is_some_and(|until| until <= now) {
            return Measured::TooLong(faults::backlog_full(queue, limit, ready));
        }
        let poll = now + POLL;
        self.next_poll = Some(until.map_or(poll, |until| until.min(poll)));
        if just {
            Measured::JustFull
        } else {
            Measured::Known
        }
    }

    /// There is no queue to ask, or the channel is gone. How long it has been missing.
    pub(super) fn missing(&mut self, now: Instant) -> Duration {
        self.asked = false;
        now.saturating_duration_since(*self.missing_since.get_or_insert(now))
    }

    /// The question went down with the channel.
    pub(super) fn channel_closed(&mut self) {
        self.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn limit(max: u32, timeout: Duration) -> BacklogLimit {
        let max = NonZeroU32::new(max).unwrap();
        BacklogLimit::new(Some(Backlog { max, timeout }))
    }

    #[test]
    fn as_many_pass_as_there_is_room_for() {
        let queue = "q".parse().unwrap();
        let now = Instant::now();
        let mut backlog = limit(3, Duration::from_secs(1));
        assert_eq!(backlog.asks_at(now), None, "nobody wants to pass yet");
        assert!(!backlog.is_open());
        assert_eq!(backlog.asks_at(now), Some(now));
        backlog.ask();
        assert_eq!(backlog.asks_at(now), None);
        assert!(matches!(backlog.measured(1, &queue, now), Measured::Known));
        for _ in 0..2 {
            assert!(backlog.is_open());
            backlog.passed();
        }
        assert!(!backlog.is_open());
        assert_eq!(backlog.asks_at(now), Some(now + POLL));
    }

    #[test]
    fn a_full_queue_is_waited_for_and_then_given_up() {
        let queue = "q".parse().unwrap();
        let now = Instant::now();
        let mut backlog = limit(3, 2 * POLL);
        assert!(!backlog.is_open());
        assert!(matches!(
            backlog.measured(3, &queue, now),
            Measured::JustFull
        ));
        assert!(!backlog.is_open());
        assert_eq!(backlog.asks_at(now), Some(now + POLL));
        assert!(matches!(
            backlog.measured(9, &queue, now + POLL),
            Measured::Known
        ));
        let end = now + 2 * POLL;
        assert!(matches!(
            backlog.measured(3, &queue, end),
            Measured::TooLong(_)
        ));
    }

    #[test]
    fn without_a_limit_all_pass() {
        let mut backlog = BacklogLimit::new(None);
        assert!(backlog.is_open());
        assert_eq!(backlog.asks_at(Instant::now()), None);
    }

    #[test]
    fn a_missing_queue_is_not_asked_for_without_end() {
        let now = Instant::now();
        let mut backlog = limit(3, POLL);
        assert_eq!(backlog.missing(now), Duration::ZERO);
        assert_eq!(backlog.missing(now + POLL), POLL);
    }
}
