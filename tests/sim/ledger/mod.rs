//! What became of every task, and whether that is what was promised.

mod closing;

use crate::actors::Kind;
use crate::broker::Time;
use crate::world::ActorId;
use std::collections::{BTreeMap, BTreeSet};
use work_queue::task::Task;
use work_queue::worker::core::headers;
use work_queue::worker::core::policy::{Ending, Outcome};

/// What the sender was told of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Confirmed,
    /// The broker never takes it.
    Refused,
    /// The sender gave up: it may be there or not.
    Unsent,
    /// It was never handed over.
    Never,
}

/// Who made a task, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Ours,
    /// It has no id that tells it from an equal one.
    Foreign,
    /// Its headers nearly fill a frame.
    Large,
}

/// One task, or several that are equal.
#[derive(Debug)]
struct Record {
    kind: Kind,
    make: Make,
    confirmed: u32,
    /// The last time.
    confirmed_at: Time,
    verdicts: u32,
    runs: u64,
    done: u32,
    /// The attempts that failed.
    failed: BTreeSet<u64>,
    /// Its messages that were delivered, by attempt.
    delivered: BTreeSet<(u64, u64)>,
    skipped: u32,
    dropped: u32,
    /// Results that say that a worker dropped it.
    told_dropped: u32,
    /// It may be lost: an administrator deleted the queue that it was in.
    excused: bool,
}

/// A task that runs.
#[derive(Debug)]
struct Run {
    key: usize,
    attempt: u64,
    /// What the broker calls its message.
    serial: Option<u64>,
}

/// What is known of all tasks.
#[derive(Debug, Default)]
pub struct Ledger {
    records: Vec<Record>,
    /// What runs now, by worker and slot.
    running: BTreeMap<(ActorId, usize), Run>,
    /// The verdicts that the workers' publishers gave.
    verdicts: BTreeSet<(ActorId, u32, u64)>,
    retries: u64,
    /// Tasks of which the broker dropped a message after too many deliveries.
    dropped: BTreeSet<usize>,
    wrongs: Vec<String>,
}

/// The number of a task, which its body begins with.
pub fn key(task: &Task) -> Option<usize> {
    let end = task.body.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&task.body[..end]).ok()?.parse().ok()
}

/// The body of a task, of at least this many bytes.
pub fn body(key: usize, size: usize) -> Vec<u8> {
    let mut body = format!("{key}:").into_bytes();
    body.resize(body.len().max(size), b'.');
    body
}

impl Ledger {
    pub fn new(retries: u32) -> Self {
        Self {
            retries: u64::from(retries),
            ..Self::default()
        }
    }

    /// A new task; its number.
    pub fn add(&mut self, kind: Kind, make: Make) -> usize {
        self.records.push(Record {
            kind,
            make,
            confirmed: 0,
            confirmed_at: Time::ZERO,
            verdicts: 0,
            runs: 0,
            done: 0,
            failed: BTreeSet::new(),
            delivered: BTreeSet::new(),
            skipped: 0,
            dropped: 0,
            told_dropped: 0,
            excused: false,
        });
        self.records.len() - 1
    }

    pub fn kind(&self, key: usize) -> Kind {
        self.records[key].kind
    }

    pub fn make(&self, key: usize) -> Make {
        self.records[key].make
    }

    /// How often a task was begun.
    pub fn runs(&self, key: usize) -> u64 {
        self.records[key].runs
    }

    /// Something is wrong.
    pub fn wrong(&mut self, what: String) {
        self.wrongs.push(what);
    }

    pub fn sent(&mut self, key: usize, sent: Sent, now: Time) {
        let record = &mut self.records[key];
        record.verdicts += 1;
        if sent == Sent::Confirmed {
            record.confirmed += 1;
            record.confirmed_at = now;
        }
    }

    /// A result arrived.
    pub fn answered(&mut self, key: usize, result: &Task) {
        let is_dropped = result.properties.header("task-outcome").as_deref() == Some("dropped");
        self.records[key].told_dropped += u32::from(is_dropped);
    }

    pub fn verdict(&mut self, worker: ActorId, life: u32, number: u64) {
        if !self.verdicts.insert((worker, life, number)) {
            self.wrong(format!(
                "message {number} of worker {worker} has two verdicts"
            ));
        }
    }

    /// A message was delivered.
    pub fn delivered(&mut self, task: &Task, serial: Option<u64>) {
        if let (Some(key), Some(serial)) = (key(task), serial) {
            let message = (headers::attempt(task), serial);
            self.records[key].delivered.insert(message);
        }
    }

    /// A command begins.
    pub fn began(&mut self, worker: ActorId, slot: usize, task: &Task, serial: Option<u64>) {
        let Some(key) = key(task) else {
            return self.wrong("a task without a number".to_owned());
        };
        let attempt = headers::attempt(task);
        let mut running = self.running.iter();
        let twice = serial.is_some()
            && running.any(|((other, _), run)| *other == worker && run.serial == serial);
        let record = &mut self.records[key];
        // A sender that lost its connection, or a worker that was killed, may have left another
        // message of the same task: a worker cannot tell which of them came back.
        let messages = record
            .delivered
            .range((attempt, 0)..(attempt + 1, 0))
            .count();
        if twice && messages == 1 && record.make != Make::Foreign {
            self.wrongs.push(format!(
                "worker {worker} runs task {key} twice at the same time"
            ));
        }
        record.runs += 1;
        if attempt > 1 && !record.failed.contains(&(attempt - 1)) {
            let failed = record.failed.clone();
            self.wrongs.push(format!(
                "task {key} is tried for the {attempt}. time, and failed in {failed:?}"
            ));
        }
        if attempt > self.retries + 1 {
            self.wrong(format!("task {key} is tried for the {attempt}. time"));
        }
        self.running.insert(
            (worker, slot),
            Run {
                key,
                attempt,
                serial,
            },
        );
    }

    /// A command ends; `None`: with its worker, or because that ended it.
    pub fn ended(&mut self, worker: ActorId, slot: usize, outcome: Option<&Outcome>) {
        let Some(Run { key, attempt, .. }) = self.running.remove(&(worker, slot)) else {
            return;
        };
        let record = &mut self.records[key];
        match outcome.map(|outcome| &outcome.ending) {
            None => {}
            Some(Ending::Exit(0)) => record.done += 1,
            Some(_) => drop(record.failed.insert(attempt)),
        }
    }

    /// A worker acknowledged a task without running it, since it had done so before.
    pub fn skipped(&mut self, task: &Task) {
        let Some(key) = key(task) else { return };
        let record = &mut self.records[key];
        record.skipped += 1;
    }

    pub fn dropped(&mut self, task: &Task) {
        if let Some(key) = key(task) {
            self.records[key].dropped += 1;
        }
    }

    /// This one may be lost.
    pub fn excuse(&mut self, task: &Task) {
        if let Some(key) = key(task) {
            self.records[key].excused = true;
        }
    }

    /// An administrator deleted a queue: what was not over may be lost.
    pub fn excuse_all(&mut self) {
        for record in &mut self.records {
            record.excused = true;
        }
    }

    /// Those of these kinds that were confirmed and are not done.
    pub fn undone(&self, is_meant: impl Fn(Kind) -> bool) -> Vec<usize> {
        let records = self.records.iter().enumerate();
        let undone = records.filter(|(_, record)| {
            // A large one may not fit into a frame again.
            is_meant(record.kind)
                && record.make != Make::Large
                && record.done + record.dropped < record.confirmed
        });
        undone.map(|(key, _)| key).collect()
    }

    /// Whether a task has been in the queue since then.
    pub fn was_confirmed_by(&self, key: usize, at: Time) -> bool {
        self.records[key].confirmed_at <= at
    }

    /// Whether there are tasks that take minutes, and have nothing that tells them from equal ones.
    pub fn has_slow_ones_alike(&self) -> bool {
        let mut records = self.records.iter();
        records.any(|one| one.kind == Kind::Slow && one.make == Make::Foreign)
    }

    /// Whether any command runs.
    pub fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    pub fn wrongs(&self) -> &[String] {
        &self.wrongs
    }
}
