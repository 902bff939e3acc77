//! Tasks that have their outcome, but whose acknowledgement may not have reached the broker.
//!
//! When a connection breaks, the broker delivers again what was not acknowledged. A task that this
//! worker has done already is then acknowledged without being done again. A task that is wrongly
//! taken for a completed one would be lost. So:
//!
//! - only a task that can be told from every other one is remembered (`Task::has_own_id`).
//!   Equal tasks by other programs are done again: another worker may meanwhile have done the
//!   redelivered one, and then an equal task that nobody has done would be skipped;
//! - a task is recognized by body and all properties and headers (those that count its deliveries
//!   aside), so that a retry or a replay of the same task is another one;
//! - each is recognized once, and then forgotten;
//! - all are forgotten some time after there is a connection again.

use super::delivery::Fingerprint;
use crate::task::Task;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many are remembered over a lost connection.
const REMEMBERED_MAX: usize = 10_000;

/// How many of the last acknowledgements are kept in case they did not arrive.
const RECENT_MAX: usize = 1_000;

/// Bodies above this are not kept in [`Completed::recent`] but hashed at once, in bytes.
const BODY_KEPT: usize = 4 * 1024;

/// How long a redelivered task may wait in the queue, after the broker has noticed that the old
/// connection is gone.
const IN_THE_QUEUE: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are whole")]
enum Acked {
    /// Hashed when it is needed, which is hardly ever.
    Whole(Arc<Task>),
    Hashed(Fingerprint),
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Completed {
    /// Each with the order in which it came.
    remembered: BTreeMap<Fingerprint, u64>,
    order: BTreeMap<u64, (Instant, Fingerprint)>,
    next: u64,
    recent: VecDeque<(Instant, Acked)>,
    /// How long before the end of a connection an acknowledgement may have been lost with it.
    unnoticed: Duration,
    /// Since when there is a connection. While there is none, nothing is forgotten.
    connected: Option<Instant>,
}

impl Completed {
    /// A connection's loss shows to either end within `unnoticed`.
    pub(super) fn new(unnoticed: Duration) -> Self {
        Self {
            unnoticed,
            ..Self::default()
        }
    }

    /// `task` has had its outcome, and its acknowledgement is sent now.
    pub(super) fn acked(&mut self, now: Instant, task: Arc<Task>) {
        if !task.has_own_id() {
            return;
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        let acked = if task.body.len() <= BODY_KEPT {
            Acked::Whole(task)
        } else {
            Acked::Hashed(Fingerprint::of(&task))
        };
        self.recent.push_back((now, acked));
    }

    /// `task` has had its outcome, and will be delivered again all the same, or its copy.
    pub(super) fn comes_back(&mut self, now: Instant, task: &Task) {
        if task.has_own_id() {
            self.expire(now);
            self.remember(now, Fingerprint::of(task));
        }
    }

    /// There is a connection again.
    pub(super) fn connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The connection broke: the last acknowledgements may not have arrived.
    pub(super) fn disconnected(&mut self, now: Instant) {
        self.expire(now);
        self.connected = None;
        for (at, acked) in std::mem::take(&mut self.recent) {
            if now.saturating_duration_since(at) < self.unnoticed {
                self.remember(
                    now,
                    match acked {
                        Acked::Whole(task) => Fingerprint::of(&task),
                        Acked::Hashed(fingerprint) => fingerprint,
                    },
                );
            }
        }
    }

    /// Whether a `task` that came back has had its outcome here; if so that is forgotten.
    pub(super) fn take(&mut self, now: Instant, task: &Task) -> bool {
        self.expire(now);
        if self.remembered.is_empty() || !task.has_own_id() {
            return false;
        }
        match self.remembered.remove(&Fingerprint::of(task)) {
            Some(number) => self.order.remove(&number).is_some(),
            None => false,
        }
    }

    /// Whether anything is remembered.
    pub(super) fn knows_any(&mut self, now: Instant) -> bool {
        self.expire(now);
        !self.remembered.is_empty()
    }

    fn remember(&mut self, now: Instant, fingerprint: Fingerprint) {
        if self.order.len() == REMEMBERED_MAX {
            if let Some((_, (_, oldest))) = self.order.pop_first() {
                self.remembered.remove(&oldest);
            }
        }
        self.next += 1;
        self.order.insert(self.next, (now, fingerprint));
        if let Some(before) = self.remembered.insert(fingerprint, self.next) {
            self.order.remove(&before);
        }
    }

    /// Forgets what the broker would have delivered again by now.
    fn expire(&mut self, now: Instant) {
        let Some(connected) = self.connected else {
            return;
        };
        while let Some(oldest) = self.order.first_entry() {
            let (since, fingerprint) = *oldest.get();
            let age = now.saturating_duration_since(since.max(connected));
            if age < self.unnoticed + IN_THE_QUEUE {
                return;
            }
            oldest.remove();
            self.remembered.remove(&fingerprint);
        }
    }
}

#[cfg(test)]
mod tests;
