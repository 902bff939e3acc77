//! Tells what became of the tasks, and keeps count.

use super::event::SendEvent;
use super::ordered::Ordered;
use super::outcome;
use super::pending::PendingTask;
use super::results::TaskResult;
use super::unsent::Unsent;
use crate::base::escape::escape;
use crate::base::fault::Fault;
use crate::output::progress::BulkBar;
use crate::output::{Fields, Report, insert_body};
use crate::queues::{QueueName, adoption_note};
use serde_json::json;

/// How many ids are named when outcomes do not come.
const IDS_SHOWN: usize = 10;

/// Whether one task is sent, or those of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One: it has a line of its own.
    Single,
    /// A file of them: they are counted.
    Bulk,
}

/// What became of the tasks, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SendCounts {
    /// The broker has taken responsibility for so many.
    pub confirmed: u64,
    /// So many were not confirmed, though they were tried.
    pub failed: u64,
    /// So many were never tried.
    pub not_sent: u64,
    /// Outcomes: done.
    pub done: u64,
    /// Outcomes: anything else.
    pub undone: u64,
    /// The outcomes of so many did not come.
    pub unanswered: u64,
}

/// Tells what became of the tasks.
pub struct Reporter<'a> {
    /// Where it is told.
    pub report: &'a mut Report,
    /// The work queue.
    pub queue: QueueName,
    /// One task or many.
    pub mode: Mode,
    /// Whether stdout belongs to the tasks' output.
    pub wait: bool,
    /// Puts outcomes in order, where that is wanted.
    pub ordered: Option<Ordered>,
    /// Takes what was not confirmed.
    pub unsent: Option<Unsent>,
    /// The progress.
    pub bar: BulkBar,
    /// The numbers.
    pub counts: SendCounts,
    /// How the last task that was waited for ended, as an exit code.
    pub exit_code: Option<u8>,
}

impl Reporter<'_> {
    /// Tells of one event. An error means that there is no use in going on.
    pub fn take(&mut self, event: SendEvent<'_>) -> Result<(), Fault> {
        match event {
            SendEvent::Confirmed(pending) => {
                self.counts.confirmed += 1;
                if self.mode == Mode::Single {
                    self.sent(pending);
                }
            }
            SendEvent::Failed(pending, fault) if self.mode == Mode::Single => {
                self.failed(&pending, fault);
                return Err(fault.clone());
            }
            SendEvent::Failed(pending, fault) => {
                self.warn(&format!("task {}: {fault}", pending.number));
                self.failed(&pending, fault);
                return self.outcome(pending.number, None);
            }
            SendEvent::Result(number, answer) => return self.answered(number, answer),
            SendEvent::ResultsGone(tasks) => return self.unanswered(&tasks),
            SendEvent::Connected(address) => {
                let report = &*self.report;
                self.bar
                    .suspend(|| report.detail(&format!("connected to {address}")));
                self.bar.set_blocked(None);
            }
            SendEvent::Retrying(fault) => {
                self.warn(&format!("{fault}; trying again (--retry-for)"));
            }
            SendEvent::Lost(fault, 0) => self.warn(&fault.to_string()),
            SendEvent::Lost(fault, 1) => self.warn(&format!("{fault}; sending the task again")),
            SendEvent::Lost(fault, count) => {
                self.warn(&format!("{fault}; sending {count} unconfirmed tasks again"));
            }
            SendEvent::Refused(count, why) => {
                let what = match count {
                    1 => "it".to_owned(),
                    count => format!("{count} tasks"),
                };
                self.warn(&format!("{why}; sending {what} again (--confirm-timeout)"));
            }
            SendEvent::NoPriorities(note) => self.warn(&note),
            SendEvent::Adopted(current) => self.note(&adoption_note(&self.queue, current)),
            SendEvent::Blocked(reason) => {
                self.warn(&format!(
                    "the broker takes no tasks for now ({reason}); waiting (--confirm-timeout)"
                ));
                self.bar.set_blocked(Some(reason.to_owned()));
            }
            SendEvent::Unblocked => {
                self.note("the broker takes tasks again");
                self.bar.set_blocked(None);
            }
            SendEvent::BacklogFull(ready) => self.note(&format!(
                "{ready} tasks are ready in queue `{}`; waiting (--max-backlog)",
                self.queue
            )),
            SendEvent::Tick(standing) => {
                let outcomes = self.counts.done + self.counts.undone;
                let (sent, confirmed) = (standing.taken, self.counts.confirmed);
                let outcomes = self.wait.then_some(outcomes);
                self.bar.tick(standing.bytes, sent, confirmed, outcomes);
            }
        }
        Ok(())
    }

    fn sent(&mut self, pending: &PendingTask) {
        let line = || Some(format!(" [x] Sent {}", pending.task.line()));
        if self.wait && !self.report.is_json() {
            self.report
                .line_on_stderr(&format!(" [x] Sent {}", pending.task.line()));
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
            fields.insert("error".to_owned(), json!(fault.to_string()));
            fields
        };
        self.report.event("failed", || None, fields);
        self.report.flush();
    }

    fn answered(&mut self, number: u64, answer: TaskResult) -> Result<(), Fault> {
        let code = outcome::exit_code(&answer);
        if answer.outcome == "done" && code == 0 {
            self.counts.done += 1;
        } else {
            self.counts.undone += 1;
        }
        self.exit_code = Some(code);
        self.outcome(number, Some(answer))
    }

    /// Prints an outcome, in its turn; `None`: none will come.
    fn outcome(&mut self, number: u64, answer: Option<TaskResult>) -> Result<(), Fault> {
        let (report, bar) = (&mut *self.report, &self.bar);
        let mut show = |answer: &TaskResult| bar.suspend(|| outcome::print(report, answer));
        match (&mut self.ordered, answer) {
            (Some(ordered), answer) => ordered.take(number, answer, show),
            (None, Some(answer)) => show(&answer),
            (None, None) => Ok(()),
        }
    }

    fn unanswered(&mut self, tasks: &[(u64, String)]) -> Result<(), Fault> {
        self.counts.unanswered += tasks.len() as u64;
        let mut ids: Vec<_> = tasks
            .iter()
            .take(IDS_SHOWN)
            .map(|(_, id)| escape(id.as_bytes()))
            .collect();
        if tasks.len() > IDS_SHOWN {
            ids.push(format!("and {} more", tasks.len() - IDS_SHOWN));
        }
        let what = match tasks.len() {
            1 => "the task is safe in the queue, but its outcome".to_owned(),
            count => format!("{count} tasks are safe in the queue, but their outcomes"),
        };
        self.warn(&format!("{what} will not come here: {}", ids.join(", ")));
        for (number, id) in tasks {
            outcome::tell_missing(self.report, id);
            self.outcome(*number, None)?;
        }
        self.report.flush();
        Ok(())
    }

    /// No more outcomes will come: those that still wait for their turn are printed.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.bar.clear();
        let report = &mut *self.report;
        match &mut self.ordered {
            Some(ordered) => ordered.finish(|answer| outcome::print(report, answer)),
            None => Ok(()),
        }
    }

    /// Something that may need the user's attention.
    pub fn warn(&self, text: &str) {
        self.bar.suspend(|| self.report.warn(text));
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| self.report.note(text));
    }
}

fn task_fields(pending: &PendingTask) -> Fields {
    let mut fields = Fields::new();
    fields.insert("id".to_owned(), json!(pending.task.id()));
    insert_body(&mut fields, &pending.task.body);
    fields
}
