//! What a worker tells of its tasks.

use super::slots::Running;
use crate::report::{Fields, Report, insert_body};
use crate::task::Task;
use serde_json::{Value, json};
use std::time::Duration;

/// Counts of outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Tasks begun.
    pub(super) received: u64,
    /// Tasks done.
    pub(super) done: u64,
    /// Tasks given back unfinished.
    pub(super) returned: u64,
    /// Tasks acknowledged without being done again.
    pub(super) skipped: u64,
}

/// Whether lines name the task that they are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// One slot: it is clear.
    Implied,
    /// Several slots.
    Named,
}

/// Which try of a task this is, from 1.
pub(super) fn attempt(task: &Task) -> u64 {
    let failed = task.properties.header("task-attempts");
    failed.and_then(|text| text.parse().ok()).unwrap_or(0) + 1
}

fn task_fields(task: &Task, redelivered: bool, slot: Option<usize>) -> Fields {
    let mut fields = Fields::new();
    if let Some(slot) = slot {
        put(&mut fields, "slot", json!(slot + 1));
    }
    put(&mut fields, "id", json!(task.id()));
    put(&mut fields, "attempt", json!(attempt(task)));
    put(&mut fields, "redelivered", json!(redelivered));
    insert_body(&mut fields, &task.body);
    fields
}

fn put(fields: &mut Fields, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
}

pub(super) fn waiting(report: &mut Report, queue: &str) {
    report.event(
        "waiting",
        || Some(" [*] Waiting for messages. To exit press CTRL+C".to_owned()),
        || Fields::from_iter([("queue".to_owned(), json!(queue))]),
    );
}

pub(super) fn received(report: &mut Report, slot: usize, running: &Running) {
    report.event(
        "received",
        || Some(format!(" [x] Received {}", running.task.line())),
        || task_fields(&running.task, running.redelivered, Some(slot)),
    );
}

pub(super) fn done(report: &mut Report, slot: usize, running: &Running, naming: Naming) {
    report.event(
        "done",
        || {
            Some(match naming {
                Naming::Implied => " [x] Done".to_owned(),
                Naming::Named => format!(" [x] Done {}", running.task.line()),
            })
        },
        || {
            let mut fields = task_fields(&running.task, running.redelivered, Some(slot));
            put(
                &mut fields,
                "duration_ms",
                milliseconds(running.started.elapsed()),
            );
            fields
        },
    );
}

/// A task goes back to the queue unfinished.
pub(super) fn returned(report: &mut Report, slot: Option<usize>, task: &Task, redelivered: bool) {
    report.event("returned", || None, || task_fields(task, redelivered, slot));
}

/// A task that was done here before is acknowledged without being done again.
pub(super) fn skipped(report: &mut Report, task: &Task) {
    report.event("skipped", || None, || task_fields(task, true, None));
}

/// Something about the worker itself, with one more field.
pub(super) fn plain(report: &mut Report, event: &str, field: &str, value: Value) {
    report.event(
        event,
        || None,
        || Fields::from_iter([(field.to_owned(), value)]),
    );
}

pub(super) fn stopped(report: &mut Report, totals: &Totals, reason: &str) {
    report.event(
        "stopped",
        || None,
        || {
            Fields::from_iter([
                ("reason".to_owned(), json!(reason)),
                ("received".to_owned(), json!(totals.received)),
                ("done".to_owned(), json!(totals.done)),
                ("returned".to_owned(), json!(totals.returned)),
                ("skipped".to_owned(), json!(totals.skipped)),
            ])
        },
    );
}

fn milliseconds(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
