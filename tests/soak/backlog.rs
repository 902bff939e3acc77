//! How many tasks of a lane wait, by what producers and workers have told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The tasks of a lane that wait.
#[derive(Default)]
pub(super) struct Backlog {
    confirmed: AtomicU64,
    outcomes: AtomicU64,
    retries: Mutex<Retries>,
}

/// Tasks that wait for their retry. A worker may tell that it has put a task off when another one
/// has it already, so attempts are compared.
#[derive(Default)]
struct Retries {
    /// The attempt that failed, and when that was told.
    away: BTreeMap<String, (u64, Instant)>,
    /// The last attempt that began, of all that were tried again.
    begun: BTreeMap<String, u64>,
}

impl Retries {
    fn put_off(&mut self, id: &str, attempt: u64) {
        if self.begun.get(id).is_none_or(|begun| *begun <= attempt) {
            self.away.insert(id.to_owned(), (attempt, Instant::now()));
        }
    }

    fn begin(&mut self, id: &str, attempt: u64) {
        self.begun.insert(id.to_owned(), attempt);
        if self
            .away
            .get(id)
            .is_some_and(|(failed, _)| *failed < attempt)
        {
            self.away.remove(id);
        }
    }
}

impl Backlog {
    /// Notes that a task was confirmed.
    pub(super) fn note_confirmed(&self) {
        self.confirmed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes what a worker tells of an attempt.
    pub(super) fn note_event(&self, event: &str, id: &str, attempt: u64) {
        match event {
            "done" | "dead_lettered" => {
                self.outcomes.fetch_add(1, Ordering::Relaxed);
            }
            "retried" => self.retries.lock().unwrap().put_off(id, attempt),
            "received" if attempt > 1 => self.retries.lock().unwrap().begin(id, attempt),
            _ => {}
        }
    }

    /// About how many tasks wait for a worker. Those that wait for their retry do not: the broker
    /// may keep them for long, and nobody could go on.
    pub(super) fn waiting(&self) -> u64 {
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        let away = self.retries.lock().unwrap().away.len() as u64;
        confirmed.saturating_sub(self.outcomes.load(Ordering::Relaxed) + away)
    }

    /// How many retries have been away for longer.
    pub(super) fn overdue(&self, than: Duration) -> usize {
        let retries = self.retries.lock().unwrap();
        let overdue = retries.away.values();
        overdue.filter(|(_, since)| since.elapsed() > than).count()
    }
}
