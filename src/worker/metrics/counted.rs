//! What is counted as it happens.

use crate::task::Task;
use crate::worker::core::policy::Ending;
use crate::worker::core::{Event, headers};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::{Duration, SystemTime};

/// The limits of the histograms, in seconds: from 10 ms to 2 h.
const BUCKETS: [f64; 18] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0, 7200.0,
];

/// A label of few values: exit codes, reasons, outcomes.
type Label = [(&'static str, String); 1];

/// What is counted as it happens.
#[derive(Debug)]
pub(super) struct Counted {
    attempts: Family<Label, Counter>,
    attempts_failed: Family<Label, Counter>,
    tasks: Family<Label, Counter>,
    retries: Counter,
    pub(super) redeliveries: Counter,
    pub(super) reconnects: Counter,
    duration: Histogram,
    wait: Histogram,
}

impl Default for Counted {
    fn default() -> Self {
        let counted = Self {
            attempts: Family::default(),
            attempts_failed: Family::default(),
            tasks: Family::default(),
            retries: Counter::default(),
            redeliveries: Counter::default(),
            reconnects: Counter::default(),
            duration: Histogram::new(BUCKETS),
            wait: Histogram::new(BUCKETS),
        };
        // A series that begins with its first count has no rate until the second.
        let _ = counted.attempts.get_or_create(&exit_code("0"));
        for of in ["exit", "signal", "timeout", "not_started"] {
            let _ = counted.attempts_failed.get_or_create(&reason(of));
        }
        for of in ["done", "dead_lettered", "dropped"] {
            let _ = counted.tasks.get_or_create(&outcome(of));
        }
        counted
    }
}

impl Counted {
    pub(super) fn register(&self, to: &mut Registry) {
        to.register(
            "attempts",
            "Attempts that have ended, by exit code; it is empty where a signal or a time-out \
             ended the command",
            self.attempts.clone(),
        );
        to.register(
            "attempts_failed",
            "Attempts that have failed: by an exit code, a signal, a time-out, or as the command \
             could not be started",
            self.attempts_failed.clone(),
        );
        to.register(
            "tasks",
            "Tasks that are over: done, dead letters, or dropped",
            self.tasks.clone(),
        );
        to.register(
            "retries",
            "Tasks that were put off for another attempt",
            self.retries.clone(),
        );
        to.register(
            "redeliveries",
            "Tasks delivered that the broker had delivered before",
            self.redeliveries.clone(),
        );
        to.register(
            "reconnects",
            "Connections to the broker that followed a lost one",
            self.reconnects.clone(),
        );
        to.register(
            "task_duration_seconds",
            "How long attempts took",
            self.duration.clone(),
        );
        to.register(
            "task_wait_seconds",
            "From when a task was sent to when its first attempt began, delays included; exact to \
             a millisecond for tasks of new_task, to a second for others; tasks that do not say \
             when they were sent are left out",
            self.wait.clone(),
        );
    }

    /// Counts what has happened `now`.
    pub(super) fn count(&self, event: &Event, now: SystemTime) {
        match event {
            Event::Received(of) => {
                if let Some(waited) = waited(&of.task, now) {
                    self.wait.observe(waited.as_secs_f64());
                }
            }
            Event::Done { took, .. } => {
                self.attempts.get_or_create(&exit_code("0")).inc();
                self.tasks.get_or_create(&outcome("done")).inc();
                self.duration.observe(took.as_secs_f64());
            }
            Event::Failed { took, ending, .. } => {
                let (code, why) = match ending {
                    Ending::Exit(code) => (code.to_string(), "exit"),
                    Ending::Signal(_) => (String::new(), "signal"),
                    Ending::TimedOut(_) => (String::new(), "timeout"),
                    Ending::NotStarted(_) | Ending::Impossible(_) => (String::new(), "not_started"),
                };
                self.attempts.get_or_create(&exit_code(&code)).inc();
                self.attempts_failed.get_or_create(&reason(why)).inc();
                self.duration.observe(took.as_secs_f64());
            }
            Event::Retried { .. } => {
                self.retries.inc();
            }
            Event::DeadLettered { .. } => {
                self.tasks.get_or_create(&outcome("dead_lettered")).inc();
            }
            Event::Dropped(_) => {
                self.tasks.get_or_create(&outcome("dropped")).inc();
            }
            _ => {}
        }
    }
}

fn exit_code(code: &str) -> Label {
    [("exit_code", code.to_owned())]
}

fn reason(reason: &str) -> Label {
    [("reason", reason.to_owned())]
}

fn outcome(outcome: &str) -> Label {
    [("outcome", outcome.to_owned())]
}

/// How long a task that begins its first attempt has waited. Later ones wait because a pause, or a
/// person, wanted it. None by the clocks of two machines is no time at all.
fn waited(task: &Task, now: SystemTime) -> Option<Duration> {
    let is_first =
        headers::attempt(task) == 1 && task.properties.header(headers::REPLAYS).is_none();
    let sent = task.sent_at().filter(|_| is_first)?;
    Some(now.duration_since(sent).unwrap_or_default())
}
