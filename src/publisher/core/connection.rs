//! The state of the connection, and of the channel that is published on.

use super::silence::{Question, Silence};
use crate::base::backoff::Backoff;
use std::time::{Duration, Instant};

/// How long to wait before a channel is opened again that was closed for an unknown reason.
const FIRST_CHANNEL: Duration = Duration::from_millis(10);

/// How many bytes may wait to leave before more is published: below what the client library
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
    steps: Backoff,
    channel_steps: Backoff,
    /// No channel is opened before this moment.
    channel_from: Option<Instant>,
    /// Since when publishing has waited for what is in flight, so that a new channel can be opened.
    pub(super) draining_since: Option<Instant>,
    /// Bytes that the broker may not have read: handed over since it last answered, or unconfirmed
    /// then.
    unread: u64,
    /// When the first connection was lost since something was confirmed.
    lost_since: Option<Instant>,
    opened: Option<Instant>,
}

/// A connection that stood for this time was of use, also if nothing was published over it.
const STANDS: Duration = Duration::from_secs(10);

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
            steps: Backoff::default(),
            channel_steps: Backoff::new(FIRST_CHANNEL, Backoff::MAX),
            channel_from: None,
            draining_since: None,
            lost_since: None,
            opened: None,
        }
    }

    /// A connection stands.
    pub(super) fn opened(&mut self, now: Instant) {
        self.phase = ConnectionPhase::Open;
        self.opened = Some(now);
        self.channel = ConnectionPhase::Closed;
        self.channel_from = None;
        self.blocked = None;
        self.handed = 0;
        self.written = 0;
        self.unread = 0;
        self.silence.restart(now);
    }

    /// Nothing was to be confirmed when it ended: earlier losses do not count if it stood for long.
    pub(super) fn was_idle(&mut self, now: Instant) {
        let stood = self.opened.take();
        if stood.is_some_and(|since| now.saturating_duration_since(since) >= STANDS) {
            self.lost_since = None;
        }
    }

    /// It is gone. Returns the time since the first loss after the last confirm.
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

    /// Whether messages may be handed over, with `in_flight` already. The bytes of a closed channel
    /// may never leave, so with none in flight there is always room for one.
    pub(super) fn may_publish(&self, in_flight: usize) -> bool {
        let unsent = self.handed.saturating_sub(self.written);
        self.channel == ConnectionPhase::Open
            && self.blocked.is_none()
            && (in_flight == 0 || unsent < UNSENT)
    }

    /// A message of at least `bytes` is handed over. It has left once the connection's count of
    /// bytes reaches the one returned.
    pub(super) fn hand_over(&mut self, bytes: usize) -> u64 {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.handed = self.handed.max(self.written).saturating_add(bytes);
        self.unread = self.unread.saturating_add(bytes);
        self.handed
    }

    /// The broker has settled something; `unconfirmed` bytes are left.
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

    /// The count of bytes at which all that was handed over will have left.
    pub(super) fn mark(&self) -> u64 {
        self.handed
    }

    /// Whether bytes that were handed over were still to leave when `before` had left.
    pub(super) fn is_leaving(&self, before: u64) -> bool {
        before < self.handed
    }

    /// `written` bytes have left so far. Returns how many had before, if more have now.
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
