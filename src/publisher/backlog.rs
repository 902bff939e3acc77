//! Sending only while the queue is short.

use super::faults;
use crate::amqp::Channel;
use crate::fault::Fault;
use crate::topology::WorkQueue;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// How often the queue's length is asked for at most. Each costs the broker one request.
const POLL: Duration = Duration::from_millis(100);

/// How long the queue may be.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// Tasks are sent only while fewer than this are ready.
    pub max: NonZeroU32,
    /// How long to wait for the queue to become shorter.
    pub timeout: Duration,
}

/// Lets through as many tasks as the queue has room for, and then asks again.
#[derive(Debug)]
pub(super) struct Gate {
    limit: Option<Backlog>,
    /// How many may pass before the queue is asked again.
    room: u64,
    /// Not before.
    next_poll: Instant,
    full: Option<Full>,
    /// Since when the queue has not been found.
    missing: Option<Instant>,
}

/// The queue was too long when it was last asked for.
#[derive(Clone, Copy, Debug)]
struct Full {
    since: Instant,
    ready: u32,
}

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// A task may pass.
    Open,
    /// None may pass before this moment.
    Closed(Instant),
    /// The same, for the first time since one passed: so many are ready.
    JustClosed(Instant, u64),
}

impl Gate {
    pub(super) fn new(limit: Option<Backlog>) -> Self {
        Self {
            limit,
            room: 0,
            next_poll: Instant::now(),
            full: None,
            missing: None,
        }
    }

    /// Whether a task may be sent, with so many under way that the queue does not count yet.
    pub(super) fn ask(
        &mut self,
        channel: &Channel,
        queue: &WorkQueue,
        under_way: usize,
    ) -> Result<Passage, Fault> {
        let Some(limit) = self.limit else {
            return Ok(Passage::Open);
        };
        if self.room > 0 {
            return Ok(Passage::Open);
        }
        let now = Instant::now();
        if under_way > 0 || now < self.next_poll {
            return Ok(Passage::Closed(self.next_poll.max(now + POLL / 10)));
        }
        let ready = channel.inspect(queue.name.as_str())?.ready;
        self.missing = None;
        let now = Instant::now();
        self.next_poll = now + POLL;
        self.room = u64::from(limit.max.get().saturating_sub(ready));
        if self.room > 0 {
            self.full = None;
            return Ok(Passage::Open);
        }
        let just = self.full.is_none();
        let full = self.full.get_or_insert(Full { since: now, ready });
        full.ready = ready;
        if now >= full.since + limit.timeout {
            return Err(faults::backlog_full(queue, limit, ready));
        }
        let until = self.next_poll.min(full.since + limit.timeout);
        Ok(if just {
            Passage::JustClosed(until, u64::from(ready))
        } else {
            Passage::Closed(until)
        })
    }

    /// There is no queue to ask for: since when has that been so?
    pub(super) fn missing_for(&mut self) -> Duration {
        self.missing.get_or_insert_with(Instant::now).elapsed()
    }

    /// Whether the next question goes to the broker.
    pub(super) fn asks(&self) -> bool {
        self.limit.is_some() && self.room == 0
    }

    /// A task has passed.
    pub(super) fn passed(&mut self) {
        self.room = self.room.saturating_sub(1);
    }
}
