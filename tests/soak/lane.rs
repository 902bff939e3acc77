//! A lane: one work queue with its producers, its workers and its account.

use super::backlog::Backlog;
use super::producer::Mode;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

/// What the workers of a lane do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// They run a command for each task.
    Command,
    /// They pretend to be busy.
    Dots,
}

/// How tasks and workers are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// All kinds of tasks, and workers with all kinds of options.
    Wild,
    /// Short tasks and equal workers, so that all go on at an even pace.
    Steady,
}

/// A work queue and what is known of its tasks.
pub(super) struct Lane {
    /// The queue's name.
    pub(super) queue: String,
    /// `classic` or `quorum`.
    pub(super) queue_type: &'static str,
    pub(super) work: Work,
    pub(super) manner: Manner,
    /// Where commands write down what they have done.
    pub(super) ledger: PathBuf,
    /// All ids that were given to `new_task`, and whether it confirmed them.
    pub(super) sent: Mutex<BTreeMap<String, bool>>,
    /// The ids that workers told as done, and how often.
    pub(super) told: Mutex<BTreeMap<String, u32>>,
    /// The tasks that wait.
    pub(super) backlog: Backlog,
    /// Results that are kept in the broker, by name, and of how many tasks.
    results: Mutex<Vec<(String, usize)>>,
    /// When the calls of `new_task` began whose tasks were all confirmed.
    calls: Mutex<Vec<(Mode, Instant)>>,
}

impl Lane {
    /// A lane with nothing in it.
    pub(super) fn new(folder: &Path, queue_type: &'static str, work: Work, manner: Manner) -> Self {
        let name = match work {
            Work::Command => "command",
            Work::Dots => "dots",
        };
        let queue = format!("{queue_type}-{name}");
        let ledger = folder.join(format!("{queue}.ledger"));
        std::fs::write(&ledger, "").unwrap();
        Self {
            queue,
            queue_type,
            work,
            manner,
            ledger,
            sent: Mutex::default(),
            told: Mutex::default(),
            backlog: Backlog::default(),
            results: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// The delay queue of a task's first retry.
    pub(super) fn first_delay_queue(&self) -> String {
        format!("{}.delay.200", self.queue)
    }

    /// Notes what came of sending these.
    pub(super) fn note_sent(&self, ids: impl IntoIterator<Item = (String, bool)>) {
        let mut sent = self.sent.lock().unwrap();
        for (id, confirmed) in ids {
            if confirmed {
                self.backlog.note_confirmed();
            }
            sent.insert(id, confirmed);
        }
    }

    /// Notes that the results of this number of tasks are kept under this name.
    pub(super) fn note_results(&self, name: String, tasks: usize) {
        self.results.lock().unwrap().push((name, tasks));
    }

    /// What was noted of results.
    pub(super) fn results(&self) -> Vec<(String, usize)> {
        self.results.lock().unwrap().clone()
    }

    /// Notes a call of `new_task` whose tasks were all confirmed.
    pub(super) fn note_call(&self, mode: Mode, begun: Instant) {
        self.calls.lock().unwrap().push((mode, begun));
    }

    /// How many such calls of this mode have begun since then.
    pub(super) fn calls_since(&self, mode: Mode, since: Instant) -> usize {
        let calls = self.calls.lock().unwrap();
        let begun = |(of, begun): &&(Mode, Instant)| *of == mode && *begun > since;
        calls.iter().rev().filter(begun).count()
    }

    /// Notes an event of a worker's that is about `body`.
    pub(super) fn note_event(&self, event: &str, body: &str, attempt: u64) {
        let id = id_of(body);
        if event == "done" {
            *self.told.lock().unwrap().entry(id.to_owned()).or_default() += 1;
        }
        self.backlog.note_event(event, id, attempt);
    }

    /// What was carried out, and how often: by the work itself, not by what was told of it. Of
    /// pretended work there is nothing but the tale.
    pub(super) fn carried_out(&self) -> BTreeMap<String, u32> {
        match self.work {
            Work::Dots => self.told.lock().unwrap().clone(),
            Work::Command => {
                let mut done = BTreeMap::new();
                for id in std::fs::read_to_string(&self.ledger).unwrap().lines() {
                    *done.entry(id.to_owned()).or_default() += 1;
                }
                done
            }
        }
    }
}

/// The id is a body's first word; dots and padding follow.
pub(super) fn id_of(body: &str) -> &str {
    body.split_whitespace().next().unwrap_or_default()
}
