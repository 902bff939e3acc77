//! Ends calls into amiquip that would otherwise hang for ever.
//!
//! amiquip's calls know no time-outs: an RPC to a broker that is frozen, or `close` while the
//! broker blocks the connection, waits until somebody shuts the socket down. The watchdog is that
//! somebody. It shuts the socket down when a guarded call takes too long, or when the user has
//! asked to stop at once.

use super::CLOSE_LIMIT;
use super::kill_switch::KillSwitch;
use crate::base::cancellation::WhenCancelled;
use crate::base::when_slow::{QUICK, WhenSlow};
use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Knows which call on one connection is watched, and until when.
///
/// Watching must cost next to nothing: there is a call for every acknowledgement. So the thread that
/// watches is not woken when a call begins or ends, unless it would sleep too long.
#[derive(Debug)]
pub(super) struct Watchdog {
    line: Arc<Line>,
    /// Wakes the thread; it ends when this is dropped.
    waker: Sender<()>,
}

/// The connection, and what is watched on it.
#[derive(Debug)]
struct Line {
    switch: KillSwitch,
    /// How many bytes have left.
    written: Arc<AtomicU64>,
    watched: Mutex<Watched>,
}

impl Line {
    /// Nothing that holds the lock can panic.
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Watched {
    /// When the current call has taken too long.
    deadline: Option<Instant>,
    /// When the thread wakes up by itself.
    wakes_at: Option<Instant>,
    /// What kind of call it is, how long it may take, and how many bytes had left when that began.
    call: Call,
    limit: Duration,
    left: u64,
    is_cancelled: bool,
}

/// What kind of call is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Call {
    /// It waits for an answer, behind what was handed over before it, and is ended when the user
    /// wants to stop at once.
    #[default]
    Request,
    /// It only hands over what is sent, and is given a moment then.
    Sending,
    /// It waits until what it sends has left.
    Leaving,
}

impl Call {
    /// How many bytes must leave within the call's time limit for it to get the same time again.
    fn extended_by(self) -> Option<u64> {
        match self {
            Self::Request => Some(MORE_THAN_HEARTBEATS),
            Self::Sending => None,
            Self::Leaving => Some(1),
        }
    }
}

/// What leaves besides heartbeats: 8 bytes each, at most one a second.
const MORE_THAN_HEARTBEATS: u64 = 1024;

/// How long a call that only sends may still take once the user wants to stop.
const AFTER_CANCELLATION: Duration = Duration::from_secs(2);

/// What the thread that watches needs.
pub(super) struct Watch {
    line: Arc<Line>,
    when_cancelled: WhenCancelled,
    when_slow: WhenSlow,
    calls: Receiver<()>,
}

impl Watchdog {
    /// A watchdog, and what a thread must run for it to work.
    pub(super) fn new(
        switch: KillSwitch,
        written: Arc<AtomicU64>,
        when_cancelled: WhenCancelled,
        when_slow: WhenSlow,
    ) -> (Self, Watch) {
        let line = Arc::new(Line {
            switch,
            written,
            watched: Mutex::default(),
        });
        // One is enough, however often it is sent.
        let (waker, calls) = bounded(1);
        let watch = Watch {
            line: Arc::clone(&line),
            when_cancelled,
            when_slow,
            calls,
        };
        (Self { line, waker }, watch)
    }

    /// Ends the connection at once.
    pub(super) fn give_up(&self) {
        self.line.switch.throw();
    }

    /// Watches until the returned guard is dropped. Guards do not nest.
    pub(super) fn guard(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Request);
        Guard(self)
    }

    /// The same for a call that waits for no answer: a cancellation leaves it a moment.
    pub(super) fn guard_sending(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Sending);
        Guard(self)
    }

    /// The same for a call that waits until what it sends has left: it is ended once nothing has
    /// left for `limit`.
    pub(super) fn guard_leaving(&self, limit: Duration) -> Guard<'_> {
        self.arm(limit, Call::Leaving);
        Guard(self)
    }

    fn arm(&self, limit: Duration, call: Call) {
        let now = Instant::now();
        let mut watched = self.line.watched();
        let limit = match call {
            Call::Sending if watched.is_cancelled => limit.min(AFTER_CANCELLATION),
            Call::Sending | Call::Request | Call::Leaving => limit,
        };
        let deadline = now + limit;
        watched.deadline = Some(deadline);
        watched.call = call;
        watched.limit = limit;
        watched.left = self.line.written.load(Ordering::Relaxed);
        if watched.is_cancelled || watched.wakes_at.is_none_or(|at| at > deadline) {
            let _ = self.waker.try_send(());
        }
    }

    fn disarm(&self) {
        self.line.watched().deadline = None;
    }
}

impl Watch {
    /// Watches until the watchdog is dropped.
    pub(super) fn run(mut self) {
        let mut is_slow_at = self.when_slow.is_needed().then(|| Instant::now() + QUICK);
        loop {
            if is_slow_at.is_some_and(|at| at <= Instant::now()) {
                is_slow_at = None;
                self.when_slow.tell();
            }
            let now = Instant::now();
            let limit = self.next(now);
            let is_slow_in = is_slow_at.map(|at| at.saturating_duration_since(now));
            let limit = is_slow_in.map_or(limit, |slow| slow.min(limit));
            select! {
                recv(self.calls) -> call => if call.is_err() {
                    return;
                },
                recv(self.when_cancelled) -> _ => {
                    let mut watched = self.line.watched();
                    watched.is_cancelled = true;
                    let soon = Instant::now() + AFTER_CANCELLATION;
                    watched.deadline = watched.deadline.map(|at| at.min(soon));
                    drop(watched);
                    self.when_cancelled = never();
                }
                default(limit) => {}
            }
        }
    }

    /// Ends the connection if it is time to, and says how long there is nothing to do.
    fn next(&self, now: Instant) -> Duration {
        let mut watched = self.line.watched();
        let ends = match watched.call {
            Call::Request | Call::Leaving => watched.is_cancelled,
            Call::Sending => false,
        };
        let written = self.line.written.load(Ordering::Relaxed);
        let more = written.saturating_sub(watched.left);
        let is_extended = watched.call.extended_by().is_some_and(|by| by <= more);
        if is_extended && watched.deadline.is_some() {
            watched.left = written;
            watched.deadline = Some(now + watched.limit);
        }
        if watched.deadline.is_some_and(|at| ends || at <= now) {
            self.line.switch.throw();
            watched.deadline = None;
        }
        // The thread looks so often that a call with the shortest limit of all need not wake it.
        let next_look = now + CLOSE_LIMIT;
        watched.wakes_at = watched.deadline.map(|at| at.min(next_look));
        watched
            .wakes_at
            .map_or(Duration::MAX, |at| at.saturating_duration_since(now))
    }
}

/// Ends the watch when dropped.
pub(super) struct Guard<'a>(&'a Watchdog);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

/// Begins the watch when dropped: stands before a field whose drop may hang.
pub(super) struct ArmWhenDropped(pub(super) Arc<Watchdog>, pub(super) Duration);

impl Drop for ArmWhenDropped {
    fn drop(&mut self) {
        self.0.arm(self.1, Call::Request);
    }
}

/// Ends the watch when dropped: stands behind a field whose drop may hang.
pub(super) struct DisarmWhenDropped(pub(super) Arc<Watchdog>);

impl Drop for DisarmWhenDropped {
    fn drop(&mut self) {
        self.0.disarm();
    }
}

#[cfg(test)]
mod tests;
