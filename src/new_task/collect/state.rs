//! What is known of results that are collected later: how many there will be, and which were
//! collected. Pure.
//!
//! It is kept as messages next to the results, each of which says a part of it. All of them together
//! are the union of what they say, in whatever order, and however often each is read. So a command
//! that dies while it writes leaves nothing that is wrong, and several may write at once.

use super::numbers::{self, Numbers};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Which result: the command that sent the task, and the task's number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::new_task) struct ResultKey {
    pub(in crate::new_task) run: Uuid,
    pub(in crate::new_task) number: u64,
}

impl ResultKey {
    /// As it stands in `correlation_id`.
    pub(in crate::new_task) fn text(self) -> String {
        format!("{}/{}", self.run, self.number)
    }

    /// Reads a `correlation_id`.
    pub(in crate::new_task) fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('/')?;
        let run = Uuid::try_parse(run).ok()?;
        let number = number.parse().ok()?;
        (1..=numbers::MAX)
            .contains(&number)
            .then_some(Self { run, number })
    }
}

/// The tasks that one command has sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::new_task) struct Run {
    /// The command has told of itself. Otherwise it is only known from a message that may be anybody's.
    is_told: bool,
    /// The command has ended: no more tasks will come.
    is_closed: bool,
    /// Tasks that the broker has confirmed; known when the command has ended.
    sent: Numbers,
    /// Collected: tasks that were done, others, and both.
    done: Numbers,
    failed: Numbers,
    collected: Numbers,
}

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::new_task) struct State {
    runs: BTreeMap<Uuid, Run>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) done: u64,
    pub(super) failed: u64,
    /// Sent and not collected.
    pub(super) waiting: u64,
    /// Commands that have not ended: they may send more.
    pub(super) open: u64,
}

impl Run {
    /// Of a command that has begun to send.
    pub(in crate::new_task) fn begun() -> Self {
        Self {
            is_told: true,
            ..Self::default()
        }
    }

    /// Of a command that has ended: the results of these are `done` with.
    pub(in crate::new_task) fn closed(sent: Numbers, done: Numbers) -> Self {
        Self {
            is_told: true,
            is_closed: true,
            sent,
            collected: done.clone(),
            done,
            failed: Numbers::default(),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.is_told |= other.is_told;
        self.is_closed |= other.is_closed;
        self.sent.merge(&other.sent);
        self.done.merge(&other.done);
        self.failed.merge(&other.failed);
        self.collected.merge(&other.collected);
    }

    /// The first task whose result is to be collected. Until the command has ended, any number may
    /// be one.
    fn next(&self) -> Option<u64> {
        if self.is_closed {
            self.sent.first_without(&self.collected)
        } else {
            Some(self.collected.first_missing())
        }
    }
}

impl State {
    /// Of one command.
    pub(in crate::new_task) fn of(run: Uuid, what: Run) -> Self {
        Self {
            runs: BTreeMap::from([(run, what)]),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (run, what) in &other.runs {
            self.runs.entry(*run).or_default().merge(what);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// This result was collected.
    pub(super) fn collected(&mut self, key: ResultKey, is_done: bool) {
        let run = self.runs.entry(key.run).or_default();
        if is_done {
            run.done.insert(key.number);
        } else {
            run.failed.insert(key.number);
        }
        run.collected.insert(key.number);
    }

    /// Whether this result was collected.
    pub(super) fn has(&self, key: ResultKey) -> bool {
        self.runs
            .get(&key.run)
            .is_some_and(|run| run.done.contains(key.number) || run.failed.contains(key.number))
    }

    /// Whether all results were collected, and no more will come.
    pub(super) fn is_complete(&self) -> bool {
        let mut told = self.runs.values().filter(|run| run.is_told).peekable();
        told.peek().is_some() && told.all(|run| run.next().is_none())
    }

    /// The commands that have sent tasks, in the order in which they began, and of each the first
    /// task whose result is to be collected.
    pub(super) fn next(&self) -> impl Iterator<Item = (Uuid, Option<u64>)> {
        let told = self.runs.iter().filter(|(_, what)| what.is_told);
        told.map(|(run, what)| (*run, what.next()))
    }

    /// How many tasks these commands have sent, as far as the numbers of later ones follow theirs;
    /// `None`: one of them still sends.
    pub(super) fn sent_by(&self, runs: &[Uuid]) -> Option<u64> {
        let ended = |run: &&Run| run.is_closed;
        let last = |run| self.runs.get(run).filter(ended).map(|run| run.sent.last());
        runs.iter().map(last).sum()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for run in self.runs.values() {
            let add = |to: &mut u64, count| *to = to.saturating_add(count);
            add(&mut counts.sent, run.sent.len());
            add(&mut counts.done, run.done.len());
            add(&mut counts.failed, run.failed.len());
            add(&mut counts.waiting, run.sent.len_without(&run.collected));
            add(&mut counts.open, u64::from(run.is_told && !run.is_closed));
        }
        counts
    }

    /// As a message says it.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut runs = Map::new();
        for (id, run) in &self.runs {
            let mut what = Map::new();
            for (name, numbers) in [
                ("sent", &run.sent),
                ("done", &run.done),
                ("failed", &run.failed),
            ] {
                if !numbers.is_empty() {
                    what.insert(name.to_owned(), json!(numbers.text()));
                }
            }
            for (name, is_so) in [("begun", run.is_told), ("closed", run.is_closed)] {
                if is_so {
                    what.insert(name.to_owned(), json!(true));
                }
            }
            runs.insert(id.to_string(), Value::Object(what));
        }
        json!({ "runs": runs }).to_string().into_bytes()
    }

    /// Reads a message; `None`: it is no such message.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let mut state = Self::default();
        for (id, what) in body.get("runs")?.as_object()? {
            let numbers = |name: &str| match what.get(name) {
                None => Some(Numbers::default()),
                Some(text) => Numbers::parse(text.as_str()?),
            };
            let is = |name: &str| what.get(name).and_then(Value::as_bool).unwrap_or(false);
            let (done, failed) = (numbers("done")?, numbers("failed")?);
            let mut collected = done.clone();
            collected.merge(&failed);
            let run = Run {
                is_told: is("begun"),
                is_closed: is("closed"),
                sent: numbers("sent")?,
                done,
                failed,
                collected,
            };
            state.runs.insert(Uuid::try_parse(id).ok()?, run);
        }
        Some(state)
    }
}

#[cfg(test)]
mod tests;
