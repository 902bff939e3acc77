//! When one destination may be published to, after refusals.

use super::window::{Size, Window};
use crate::base::backoff::Backoff;
use std::time::{Duration, Instant};

/// Waits after a refusal: a queue whose leader has died has another one in 0.2 s, and a full one is
/// not asked more often than once a second.
const FIRST: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_millis(800);

/// Waits between two new channels that are opened after refusals. Each waits for what is in flight
/// to other destinations, so new channels must be rare in the long run.
const FIRST_RENEWAL: Duration = Duration::from_millis(100);
const MAX_RENEWAL: Duration = Duration::from_secs(10);

/// How often refusals are told, at most.
const TELL: Duration = Duration::from_secs(10);

/// Why the broker did not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Negatively acknowledged: the queue is full, or not available.
    Nack,
    /// No queue of the name took it; the broker's words, escaped.
    Unroutable(String),
    /// The queue cannot be declared for now; why.
    Undeclared(String),
}

/// The pace of one destination.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) window: Window,
    /// Nothing is published before this moment.
    closed_until: Option<Instant>,
    steps: Backoff,
    /// Why it was last refused, since it last took one, and since when.
    refusal: Option<(Refusal, Instant)>,
    /// The same until it is told, and when one was told last.
    untold: Option<Refusal>,
    told: Option<Instant>,
    renewals: Backoff,
    /// A new channel may help from this moment on.
    renew_at: Option<Instant>,
    renewed: Option<Instant>,
}

impl Pace {
    pub(super) fn new(window: Size) -> Self {
        Self {
            window: Window::new(window),
            closed_until: None,
            steps: Backoff::new(FIRST, MAX),
            refusal: None,
            untold: None,
            told: None,
            renewals: Backoff::new(FIRST_RENEWAL, MAX_RENEWAL),
            renew_at: None,
            renewed: None,
        }
    }

    /// Whether messages may be published, as far as refusals are concerned.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.closed_until.is_none_or(|until| until <= now)
    }

    /// When it may be published to again, where it may not.
    pub(super) fn closed_until(&self) -> Option<Instant> {
        self.closed_until
    }

    /// Why the broker last refused a message, since it last took one.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref().map(|(refusal, _)| refusal)
    }

    /// The broker refused a message. `keep`: how long the channel is kept all the same.
    pub(super) fn refused(&mut self, refusal: Refusal, keep: Duration, now: Instant) {
        self.window.shrink();
        let since = self.refusal.as_ref().map_or(now, |(_, since)| *since);
        if self.is_open(now) {
            // Not for each one of those that were in flight together.
            self.closed_until = Some(now + self.steps.step());
        }
        if refusal == Refusal::Nack && self.renew_at.is_none() {
            let wait = self.renewed.map(|at| at + self.renewals.step());
            let at = since.checked_add(keep);
            self.renew_at = at.map(|at| wait.map_or(at, |wait| wait.max(at)));
        }
        self.untold = Some(refusal.clone());
        self.refusal = Some((refusal, since));
    }

    /// The broker took a message. A pause that has begun goes on: more of those that were in flight
    /// may have been refused.
    pub(super) fn confirmed(&mut self) {
        self.window.grow();
        if self.refusal.take().is_some() {
            self.renew_at = None;
            self.steps.reset();
            self.renewals.reset();
        }
    }

    /// The channel is a new one: refusals may have been the old one's fault.
    pub(super) fn channel_opened(&mut self, now: Instant) {
        if self.renew_at.take().is_some() {
            self.renewed = Some(now);
        }
    }

    /// When a new channel may help, if it may.
    pub(super) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    /// What is in flight elsewhere has kept a new channel from being opened for too long.
    pub(super) fn put_off_renewal(&mut self, now: Instant) {
        if self.wants_channel(now) {
            self.renew_at = None;
            self.renewed = Some(now);
        }
    }

    /// Whether a new channel is to be opened before anything is published here again.
    pub(super) fn wants_channel(&self, now: Instant) -> bool {
        self.is_open(now) && self.renew_at.is_some_and(|at| at <= now)
    }

    /// The last refusal, where it is time to tell of it.
    pub(super) fn tell(&mut self, now: Instant) -> Option<Refusal> {
        if self.told.is_some_and(|at| now < at + TELL) {
            return None;
        }
        let refusal = self.untold.take()?;
        self.told = Some(now);
        Some(refusal)
    }
}

#[cfg(test)]
mod tests;
