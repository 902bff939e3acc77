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

/// Tasks that failed and were tried again, or will be. A worker may tell that it has put a task off
/// when another one has it already, so attempts are compared.
#[derive(Default)]
struct Retries {
    /// The last attempt that failed, and when it was told.
    failed: BTreeMap<String, (u64, Instant)>,
    /// The last attempt that began, of tasks that were tried again.
    begun: BTreeMap<String, u64>,
}

impl Retries {
    /// Since when each of the tasks has been away that have not come back.
    fn away(&self) -> impl Iterator<Item = Instant> {
        let away = self.failed.iter().filter(|(id, (attempt, _))| {
            let begun = self.begun.get(*id);
            begun.is_none_or(|begun| begun <= attempt)
        });
        away.map(|(_, (_, since))| *since)
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
            "retried" => {
                let failed = &mut self.retries.lock().unwrap().failed;
                failed.insert(id.to_owned(), (attempt, Instant::now()));
            }
            "received" if attempt > 1 => {
                let begun = &mut self.retries.lock().unwrap().begun;
                begun.insert(id.to_owned(), attempt);
            }
            _ => {}
        }
    }

    /// About how many tasks wait for a worker. Those that wait for their retry do not: the broker
    /// may keep them for long, and nobody could go on.
    pub(super) fn waiting(&self) -> u64 {
        let confirmed = self.confirmed.load(Ordering::Relaxed);
        let away = self.retries.lock().unwrap().away().count() as u64;
        confirmed.saturating_sub(self.outcomes.load(Ordering::Relaxed) + away)
    }

    /// How many retries have been away for longer.
    pub(super) fn overdue(&self, than: Duration) -> usize {
        let retries = self.retries.lock().unwrap();
        let overdue = retries.away().filter(|since| since.elapsed() > than);
        overdue.count()
    }
}
