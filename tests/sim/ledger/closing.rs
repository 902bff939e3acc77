//! What is found at the end of a run.

use super::{Ledger, Make, key};
use crate::actors::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use work_queue::task::Task;
use work_queue::worker::core::headers;

impl Ledger {
    /// At the end of a run: the dead letters, and what quorum queues dropped. Bodies larger than
    /// `movable` could not be moved for some time.
    pub fn close(&mut self, dead_letters: &[Rc<Task>], dropped: &[Rc<Task>], movable: usize) {
        let (immovable, dropped): (Vec<&Rc<Task>>, _) =
            dropped.iter().partition(|task| task.body.len() > movable);
        for task in immovable {
            // Each end of a worker counts as a return, and nothing else can be done with it.
            self.excuse(task);
        }
        let mut dead: BTreeMap<usize, u32> = BTreeMap::new();
        for task in dead_letters {
            let Some(key) = key(task) else { continue };
            *dead.entry(key).or_default() += 1;
            if task.body.len() <= movable {
                self.dead_letter(key, task);
            }
        }
        for task in dropped {
            self.dropped.extend(key(task));
            // One of several messages of a task may be.
            if !key(task).is_some_and(|key| dead.contains_key(&key)) {
                let line = task.line();
                self.wrong(format!(
                    "the broker dropped {line:.20} after too many deliveries"
                ));
            }
        }
        for key in 0..self.records.len() {
            let record = &self.records[key];
            let dead = dead.get(&key).copied().unwrap_or(0);
            // A worker that is killed after its result was sent tells of no end itself.
            let over = (record.done + record.dropped + dead).max(record.told_dropped);
            if over < record.confirmed && !record.excused {
                self.wrongs.push(format!(
                    "task {key} is lost: {record:?}, {dead} dead letters"
                ));
            }
        }
    }

    /// Each confirmed task whose result a queue keeps has one.
    pub fn check_results(&mut self, kept: &BTreeSet<usize>, results: &[Rc<Task>]) {
        let key = |result: &Rc<Task>| result.properties.correlation_id()?.parse().ok();
        let told: BTreeSet<usize> = results.iter().filter_map(key).collect();
        for key in kept.difference(&told) {
            let record = &self.records[*key];
            // The dead letter was stored, and the worker killed before it sent the result.
            let is_dropped = self.dropped.contains(key);
            if record.confirmed > 0 && !record.excused && !is_dropped {
                self.wrongs
                    .push(format!("the result of task {key} is lost: {record:?}"));
            }
        }
    }

    fn dead_letter(&mut self, key: usize, task: &Task) {
        let record = &self.records[key];
        let Some(reason) = task.properties.header(headers::ERROR) else {
            // There may have been no room for it.
            if record.make != Make::Large {
                self.wrong(format!("task {key} is a dead letter without a reason"));
            }
            return;
        };
        let attempts = headers::count(task, headers::ATTEMPTS);
        let is_failure = reason.starts_with("exit code") || reason.starts_with("ended by signal");
        let failed = record.failed.contains(&attempts);
        if is_failure && !failed {
            let failed = &record.failed;
            self.wrong(format!(
                "task {key} is a dead letter after {attempts} attempts, and failed in {failed:?}"
            ));
        } else if is_failure && record.kind != Kind::Fatal && attempts < self.retries + 1 {
            self.wrong(format!(
                "task {key} is a dead letter after {attempts} attempts"
            ));
        }
    }

    /// Without any fault, each task is run as often as it must be.
    pub fn check_single_runs(&mut self) {
        if self
            .records
            .iter()
            .any(|record| matches!(record.kind, Kind::Crashes(_)))
        {
            // What ran next to them comes back.
            return;
        }
        for key in 0..self.records.len() {
            let record = &self.records[key];
            if record.make == Make::Large {
                // There may be no room for its count.
                continue;
            }
            let expected = match record.kind {
                Kind::Sound | Kind::Slow | Kind::Fatal => 1,
                Kind::Flaky(times) => (times + 1).min(self.retries + 1),
                Kind::Fails => self.retries + 1,
                Kind::Crashes(_) => continue,
            };
            let expected = expected * u64::from(record.confirmed);
            if record.runs != expected {
                let text = format!("task {key} ran {} times instead of {expected}", record.runs);
                self.wrongs.push(text);
            }
        }
    }
}
