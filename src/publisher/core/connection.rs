//! The state of the connection, and of the channel that is published on.

use super::silence::{Question, Silence};
use super::steps::Steps;
use std::time::{Duration, Instant};

/// Waits before the connection is made again. A broker that was only restarted answers within
/// seconds (measured: 1.3 s for `stop_app` and `start_app`), and work should go on less than a
/// second after that.
const FIRST: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_millis(800);

/// Waits before a channel is opened again that was closed for no reason that we know.
const FIRST_CHANNEL: Duration = Duration::from_millis(10);

/// So many bytes may wait to leave before more is published: below what the client library
/// buffers before it makes us wait.
const UNSENT: u64 = 8 << 20;

/// How far a connection or channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionPhase {
    Closed,
    Opening,
    Open,
}

/// The connection and its channel.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) phase: ConnectionPhase,
    pub(super) channel: ConnectionPhase,
    /// The broker takes nothing for now; why.
    pub(super) blocked: Option<String>,
    /// Over all destinations.
    pub(super) silence: Silence,
    /// Bytes that were handed over for sending, at least.
    handed: u64,
    /// Bytes that have left.
    written: u64,
    steps: Steps,
    channel_steps: Steps,
    /// No channel is opened before this moment.
    channel_from: Option<Instant>,
    /// Since when publishing has waited for what is in flight, so that a new channel can be opened.
    pub(super) draining_since: Option<Instant>,
    /// Bytes that the broker may not have read: handed over since it last answered, or unconfirmed
    /// then.
    unread: u64,
    /// When the first connection was lost since something was confirmed.
    lost_since: Option<Instant>,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: ConnectionPhase::Closed,
            channel: ConnectionPhase::Closed,
            blocked: None,
            silence: Silence::new(now),
            handed: 0,
            written: 0,
            unread: 0,
            steps: Steps::new(FIRST, MAX),
            channel_steps: Steps::new(FIRST_CHANNEL, MAX),
            channel_from: None,
            draining_since: None,
            lost_since: None,
        }
    }

    /// A connection stands.
    pub(super) fn opened(&mut self, now: Instant) {
        self.phase = ConnectionPhase::Open;
        self.channel = ConnectionPhase::Closed;
        self.channel_from = None;
        self.blocked = None;
        self.handed = 0;
        self.written = 0;
        self.unread = 0;
        self.silence.restart(now);
    }

    /// It is gone. Returns how long the broker has been of no use.
    pub(super) fn lost(&mut self, now: Instant) -> Duration {
        self.phase = ConnectionPhase::Closed;
        self.channel = ConnectionPhase::Closed;
        self.blocked = None;
        now.saturating_duration_since(*self.lost_since.get_or_insert(now))
    }

    /// The channel is gone, and the connection stands.
    pub(super) fn channel_closed(&mut self, now: Instant) {
        self.channel = ConnectionPhase::Closed;
        self.channel_from = Some(now + self.channel_steps.step());
    }

    /// Something was confirmed: all is well.
    pub(super) fn confirmed(&mut self) {
        if self.lost_since.take().is_some() {
            self.steps.reset();
        }
        self.channel_steps.reset();
    }

    /// How long to wait before connecting. The first time, not at all.
    pub(super) fn pause(&mut self) -> Duration {
        match self.lost_since {
            None => Duration::ZERO,
            Some(_) => self.steps.step(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == ConnectionPhase::Open
    }

    pub(super) fn may_open_channel(&self, now: Instant) -> bool {
        self.is_open() && self.channel_from.is_none_or(|from| from <= now)
    }

    pub(super) fn channel_from(&self) -> Option<Instant> {
        self.channel_from
    }

    /// Whether messages may be handed over, with so many in flight. What a closed channel has left
    /// may never leave, so with none in flight there is always room for one.
    pub(super) fn may_publish(&self, in_flight: usize) -> bool {
        let unsent = self.handed.saturating_sub(self.written);
        self.channel == ConnectionPhase::Open
            && self.blocked.is_none()
            && (in_flight == 0 || unsent < UNSENT)
    }

    /// A message of at least so many bytes is handed over. Returns the count of bytes with which it
    /// will have left.
    pub(super) fn hand_over(&mut self, bytes: usize) -> u64 {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.handed = self.handed.max(self.written).saturating_add(bytes);
        self.unread = self.unread.saturating_add(bytes);
        self.handed
    }

    /// The broker has settled something; so many bytes are still unconfirmed.
    pub(super) fn settled(&mut self, unconfirmed: usize) {
        self.unread = u64::try_from(unconfirmed).unwrap_or(u64::MAX);
    }

    /// The broker has answered what was asked when all had been handed over up to byte `mark`.
    pub(super) fn answered(&mut self, mark: u64) {
        self.unread = self.handed.saturating_sub(mark);
    }

    /// A question that is asked now, behind all that was handed over.
    pub(super) fn ask(&self, now: Instant) -> Question {
        Question::new(self.handed, self.unread, now)
    }

    /// All that was handed over has left: it is settled.
    pub(super) fn all_left(&mut self) {
        self.handed = self.written;
    }

    /// The count of bytes with which all will have left that was handed over.
    pub(super) fn mark(&self) -> u64 {
        self.handed
    }

    /// Whether bytes that were handed over were still to leave when so many had left.
    pub(super) fn is_leaving(&self, before: u64) -> bool {
        before < self.handed
    }

    /// So many bytes have left in all. Returns how many had before, where more have now.
    pub(super) fn left(&mut self, written: u64) -> Option<u64> {
        let before = self.written;
        (written > before).then(|| {
            self.written = written;
            before
        })
    }
}

#[cfg(test)]
mod tests;
