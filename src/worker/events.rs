//! What a worker tells of its tasks.

use super::errands::Given;
use super::outcome::{Decision, Ending};
use super::redelivery;
use super::slots::Running;
use crate::cli::Ack;
use crate::report::{Fields, Report, insert_body};
use crate::task::Task;
use serde_json::{Value, json};
use std::time::Duration;

/// Counts of outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Tasks begun.
    pub(super) received: u64,
    /// Tasks that ended here, done or failed.
    pub(super) outcomes: u64,
    /// Tasks done.
    pub(super) done: u64,
    /// Tasks whose command failed.
    pub(super) failed: u64,
    /// Tasks put off for a retry.
    pub(super) retried: u64,
    /// Tasks put with the dead letters.
    pub(super) dead_lettered: u64,
    /// Tasks forgotten.
    pub(super) dropped: u64,
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
    redelivery::count(task, redelivery::ATTEMPTS).saturating_add(1)
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

/// A command has failed; the line also says what becomes of the task.
pub(super) fn failed(
    report: &mut Report,
    slot: usize,
    running: &Running,
    ending: &Ending,
    decision: &Decision,
    ack: Ack,
) {
    let line = || {
        let next = match decision {
            _ if ack == Ack::Auto => "lost, by --ack auto".to_owned(),
            _ if ack == Ack::Never => "back when this worker ends".to_owned(),
            Decision::Retry(pause) => {
                format!("again in {}", humantime::format_duration(*pause))
            }
            Decision::Requeue => "back to the queue".to_owned(),
            Decision::DeadLetter => "dead letter".to_owned(),
            Decision::Drop | Decision::Done => "dropped".to_owned(),
        };
        let attempt = attempt(&running.task);
        let (why, line) = (ending.describe(), running.task.line());
        Some(format!(
            " [x] Failed (attempt {attempt}: {why}; {next}) {line}"
        ))
    };
    report.event("failed", line, || {
        let mut fields = task_fields(&running.task, running.redelivered, Some(slot));
        put(
            &mut fields,
            "duration_ms",
            milliseconds(running.started.elapsed()),
        );
        match ending {
            Ending::Exit(code) => put(&mut fields, "exit_code", json!(code)),
            Ending::Signal(signal) => put(&mut fields, "signal", json!(signal)),
            Ending::TimedOut(_) | Ending::NotStarted(_) | Ending::Impossible(_) => {}
        }
        put(&mut fields, "error", json!(ending.describe()));
        fields
    });
}

/// A task waits in a delay queue, confirmed.
pub(super) fn retried(report: &mut Report, given: &Given, pause: Duration) {
    report.event(
        "retried",
        || None,
        || {
            let mut fields = task_fields(&given.task, given.redelivered, given.slot);
            put(&mut fields, "delay_ms", milliseconds(pause));
            fields
        },
    );
}

/// A task lies with the dead letters, confirmed.
pub(super) fn dead_lettered(report: &mut Report, given: &Given, reason: &str) {
    report.event(
        "dead_lettered",
        || Some(format!(" [x] Dead letter ({reason}) {}", given.task.line())),
        || {
            let mut fields = task_fields(&given.task, given.redelivered, given.slot);
            put(&mut fields, "error", json!(reason));
            fields
        },
    );
}

/// A task is forgotten.
pub(super) fn dropped(report: &mut Report, given: &Given) {
    report.event(
        "dropped",
        || None,
        || task_fields(&given.task, given.redelivered, given.slot),
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
                ("failed".to_owned(), json!(totals.failed)),
                ("retried".to_owned(), json!(totals.retried)),
                ("dead_lettered".to_owned(), json!(totals.dead_lettered)),
                ("dropped".to_owned(), json!(totals.dropped)),
                ("returned".to_owned(), json!(totals.returned)),
                ("skipped".to_owned(), json!(totals.skipped)),
            ])
        },
    );
}

fn milliseconds(duration: Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
