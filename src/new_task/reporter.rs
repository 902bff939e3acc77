//! Tells what became of the tasks, and keeps count.

use super::args::NewTaskArgs;
use super::counts::SendCounts;
use super::ordered::Ordered;
use super::outcome;
use super::outcomes::Outcomes;
use super::pending::{Pending, PendingTask};
use super::task_result::TaskResult;
use super::unsent::Unsent;
use crate::base::fault::Fault;
use crate::output::progress::{SendBar, SendProgress};
use crate::output::{Fields, Report, insert_body};
use crate::publisher::core::{Notice, describe};
use crate::queues::{WorkQueue, adoption_note};
use serde_json::json;
use std::time::SystemTime;

/// Whether one task is sent, or those of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One: it has a line of its own.
    Single,
    /// A file of them: they are counted.
    Bulk,
}

/// Tells what became of the tasks.
pub struct Reporter<'a> {
    /// Where it is told.
    pub report: &'a mut Report,
    /// The work queue.
    pub queue: WorkQueue,
    /// One task or many.
    pub mode: Mode,
    /// Whether stdout belongs to the tasks' output.
    pub wait: bool,
    /// Prints outcomes.
    pub outcomes: Outcomes,
    /// Takes what was not confirmed.
    pub unsent: Option<Unsent>,
    /// The progress.
    pub bar: SendBar,
    /// How large the input is, in bytes, where that is known.
    pub size: Option<u64>,
    /// The numbers.
    pub counts: SendCounts,
    /// How the last task that was waited for ended, as an exit code.
    pub exit_code: Option<u8>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(args: &NewTaskArgs, mode: Mode, report: &'a mut Report) -> Self {
        Self {
            report,
            queue: args.common.work_queue(),
            mode,
            wait: args.results.wait,
            outcomes: Outcomes::new(
                args.results.keep_order.then(Ordered::default),
                args.outcomes.tag(),
            ),
            unsent: None,
            bar: SendBar::default(),
            size: None,
            counts: SendCounts::default(),
            exit_code: None,
        }
    }

    /// The broker has taken responsibility for the task.
    pub(super) fn confirmed(&mut self, pending: &PendingTask) {
        self.counts.confirmed += 1;
        if self.mode == Mode::Single {
            self.sent(pending);
        }
    }

    /// The broker will never take this one. An error means that going on is pointless.
    pub(super) fn refused(&mut self, pending: &PendingTask, fault: Fault) -> Result<(), Fault> {
        if self.mode == Mode::Bulk {
            self.warn(&format!("task {}: {fault}", pending.number));
        }
        self.failed(pending, &fault);
        match self.mode {
            Mode::Single => Err(fault),
            Mode::Bulk => self.outcome(pending.number, None),
        }
    }

    /// A connection stands, to this address.
    pub(super) fn connected(&mut self, address: &str) {
        let report = &*self.report;
        self.bar
            .suspend(|| report.detail(&format!("connected to {address}")));
        self.bar.set_blocked(None);
    }

    /// Tells what happens while tasks are still tried.
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Lost { fault, again: 0 } => self.warn(&fault.to_string()),
            Notice::Lost { fault, again: 1 } => {
                self.warn(&format!("{fault}; resending the task"));
            }
            Notice::Lost { fault, again } => {
                self.warn(&format!("{fault}; resending {again} unconfirmed tasks"));
            }
            Notice::Refused {
                queue,
                waiting,
                refusal,
            } => {
                let why = describe(&refusal, &queue, self.queue.declare);
                let what = match waiting {
                    1 => "it".to_owned(),
                    count => format!("{count} tasks"),
                };
                self.warn(&format!("{why}; resending {what} (--confirm-timeout)"));
            }
            Notice::Adopted(current) => self.note(&adoption_note(&self.queue.name, &current)),
            Notice::Blocked(reason) => {
                self.warn(&format!(
                    "the broker accepts no tasks for now ({reason}); waiting (--confirm-timeout)"
                ));
                self.bar.set_blocked(Some(reason));
            }
            Notice::Unblocked => {
                self.note("the broker accepts tasks again");
                self.bar.set_blocked(None);
            }
            Notice::BacklogFull(ready) => self.note(&format!(
                "{ready} tasks are waiting in queue `{}`; pausing (--max-backlog)",
                self.queue.name
            )),
        }
    }

    /// Shows the progress.
    pub(super) fn progress(&mut self, pending: &Pending) {
        let counts = self.counts;
        self.bar.tick(match self.mode {
            Mode::Single => SendProgress::OneResult,
            Mode::Bulk if self.wait && pending.is_over() => SendProgress::Results {
                done: counts.done,
                failed: counts.undone,
                tasks: pending.counts().taken.saturating_sub(counts.failed),
            },
            Mode::Bulk => SendProgress::Sending {
                bytes: pending.counts().bytes,
                size: self.size,
                sent: pending.counts().taken,
                confirmed: counts.confirmed,
            },
        });
    }

    fn sent(&mut self, pending: &PendingTask) {
        let line = || Some(format!(" [x] Sent {}", pending.task.line()));
        if self.wait && !self.report.is_json() {
            let line = format!(" [x] Sent {}", pending.task.line());
            self.bar.suspend(|| self.report.line_on_stderr(&line));
            return;
        }
        self.report.event("sent", line, || task_fields(pending));
        self.report.flush();
    }

    /// A task that was not confirmed.
    pub fn failed(&mut self, pending: &PendingTask, fault: &Fault) {
        self.counts.failed += 1;
        if let Some(unsent) = &mut self.unsent {
            unsent.add(&pending.task.body, pending.end);
        }
        let fields = || {
            let mut fields = task_fields(pending);
            fields["error"] = json!(fault.to_string());
            fields
        };
        self.report.silent("failed", fields);
        self.report.flush();
    }

    /// The result of the task with this number.
    pub(super) fn answered(&mut self, number: u64, mut answer: TaskResult) -> Result<(), Fault> {
        answer.time = answer.time.received_at(SystemTime::now());
        if outcome::is_success(&answer) {
            self.counts.done += 1;
        } else {
            self.counts.undone += 1;
        }
        self.exit_code = Some(outcome::exit_code(&answer));
        self.outcome(number, Some(answer))
    }

    /// Prints an outcome, in its turn; `None`: none will come.
    pub(super) fn outcome(&mut self, number: u64, answer: Option<TaskResult>) -> Result<(), Fault> {
        self.outcomes.take(number, answer, self.report, &self.bar)
    }

    /// Prints those whose turn has come: none will come before this one.
    pub(super) fn advance(&mut self, number: u64) -> Result<(), Fault> {
        self.outcomes.advance(number, self.report, &self.bar)
    }

    /// No more outcomes will come: those that still wait for their turn are printed.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.bar.clear();
        self.outcomes.finish(self.report)
    }

    /// Results are waited for, and nobody takes the tasks.
    pub(super) fn no_worker(&self) {
        let queue = &self.queue.name;
        self.note(&format!("no worker is on queue `{queue}`; waiting"));
    }

    /// Something that may need the user's attention.
    pub fn warn(&self, text: &str) {
        self.bar.suspend(|| self.report.warn(text));
    }

    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| self.report.note(text));
    }
}

fn task_fields(pending: &PendingTask) -> Fields {
    let mut fields = json!({ "id": pending.task.id() });
    insert_body(&mut fields, &pending.task.body);
    fields
}
