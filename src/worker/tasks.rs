//! From delivery to outcome.

use super::errands::{Errand, Given};
use super::finished::is_same;
use super::outcome::{Decision, Ending};
use super::output::{Answer, Capture, Output, StdoutTo};
use super::slots::{Job, Running};
use super::{Stop, Worker, events, letters, redelivery};
use crate::amqp::{AckToken, Channel, Delivery};
use crate::cli::{Ack, LogFormat};
use crate::fault::Fault;
use crate::task::Task;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A task that was handed to this worker and has not begun.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) task: Arc<Task>,
    pub(super) redelivered: bool,
    pub(super) token: AckToken,
}

impl From<Delivery> for Handed {
    fn from(delivery: Delivery) -> Self {
        Self {
            task: Arc::new(Task {
                body: delivery.body,
                properties: delivery.properties,
            }),
            redelivered: delivery.redelivered,
            token: delivery.token,
        }
    }
}

impl Worker<'_> {
    /// Takes a delivery in: normally to be begun when a slot is free.
    pub(super) fn accept(&mut self, delivery: Delivery, channel: &Channel) {
        let mut handed = Handed::from(delivery);
        let returns = redelivery::redeliveries(&handed.task, handed.redelivered);
        if returns == 0 || self.settings.ack != Ack::After {
            self.backlog.push_back(handed);
            return;
        }
        // It may be one that is still under way here, or that was done here, and whose
        // acknowledgement became void with an earlier connection.
        let Some(unknown) = self.reclaim(handed) else {
            return;
        };
        handed = unknown;
        if self.finished.take(&handed.task) {
            self.totals.skipped += 1;
            events::skipped(self.report, &handed.task);
            let line = handed.task.line();
            self.note(&format!(
                "done before, acknowledged without doing it again: {line}"
            ));
            self.settle(handed.task, Some(handed.token), Some(channel));
            return;
        }
        let limit = u64::from(self.settings.max_redeliveries);
        if self.settings.has_command && limit > 0 {
            if returns >= limit {
                let reason = format!(
                    "came back {returns} times without an outcome: it kills its workers, or they gave it back"
                );
                self.bury(handed, reason);
                return;
            }
            if handed.redelivered {
                self.count_return(handed, returns);
                return;
            }
        }
        handed.redelivered = true;
        self.backlog.extend(self.errands.hold(handed));
    }

    /// Gives the token to the same task where it is under way here without one.
    fn reclaim(&mut self, handed: Handed) -> Option<Handed> {
        let running = self.slots.iter_mut().find(|running| {
            let lost = running.token.is_none() || running.is_doubtful && running.task.has_own_id();
            lost && is_same(&running.task, &handed.task)
        });
        if let Some(running) = running {
            running.token = Some(handed.token);
            running.is_doubtful = false;
            return None;
        }
        self.errands.reclaim(handed)
    }

    /// Begins tasks while there are any and slots are free.
    pub(super) fn begin_tasks(&mut self) {
        while !self.is_stopping() && self.may_begin() {
            let Some(slot) = self.slots.free() else {
                return;
            };
            let Some(handed) = self.backlog.pop_front() else {
                return;
            };
            self.begin(slot, handed);
        }
    }

    /// Whether `--max-tasks` allows one more.
    pub(super) fn may_begin(&self) -> bool {
        let begun = self.totals.received;
        self.settings.max_tasks.is_none_or(|max| begun < max.get())
    }

    fn begin(&mut self, slot: usize, handed: Handed) {
        let started = Instant::now();
        let work = match self.pool {
            Some(_) => None,
            None => Some(pretended_work(&handed.task.body, self.settings.dot)),
        };
        let running = Running {
            task: handed.task,
            redelivered: handed.redelivered,
            token: Some(handed.token),
            is_doubtful: false,
            started,
            due: work.and_then(|work| started.checked_add(work)),
        };
        self.totals.received += 1;
        events::received(self.report, slot, &running);
        self.progress.started(slot, &running.task.body, work);
        if work.is_none_or(|work| !work.is_zero()) {
            self.flush();
        }
        if let Some(pool) = &self.pool {
            pool.begin(self.job(slot, &running));
        }
        self.slots.put(slot, running);
    }

    fn job(&self, slot: usize, running: &Running) -> Job {
        let answer = match running.task.properties.answer() {
            Some(_) => Answer::Wanted,
            None => Answer::NotWanted,
        };
        Job {
            slot,
            task: Arc::clone(&running.task),
            redelivered: running.redelivered,
            capture: match (self.slots.len(), answer) {
                (1, Answer::NotWanted) => Capture::Inherit,
                (1, Answer::Wanted) => Capture::Stream,
                _ => Capture::Buffer,
            },
            answer,
            stdout_to: self.stdout_to(),
        }
    }

    fn stdout_to(&self) -> StdoutTo {
        match self.settings.log_format {
            LogFormat::Text => StdoutTo::Stdout,
            LogFormat::Json => StdoutTo::Stderr,
        }
    }

    /// Ends the tasks whose pretended work is done by now, in the order in which it is.
    pub(super) fn end_due_tasks(&mut self, channel: Option<&Channel>) {
        while let Some(slot) = self.slots.due(Instant::now()) {
            self.end(slot, &Ending::Exit(0), Output::default(), channel);
        }
    }

    /// A command has ended.
    pub(super) fn ran(
        &mut self,
        slot: usize,
        ran: Result<super::child::Ran, Fault>,
        channel: Option<&Channel>,
    ) {
        match ran {
            Ok(ran) if !self.stop_now => self.end(slot, &ran.ending, ran.output, channel),
            // It was we who ended it: no outcome. The task goes back.
            Ok(_) => self.give_back(slot, channel),
            Err(fault) => {
                self.give_back(slot, channel);
                self.stop(Stop::Failed(fault));
            }
        }
    }

    /// A task has an outcome.
    fn end(&mut self, slot: usize, ending: &Ending, output: Output, channel: Option<&Channel>) {
        let Some(running) = self.slots.take(slot) else {
            return;
        };
        self.progress.ended(slot);
        self.totals.outcomes += 1;
        self.idle_since = Instant::now();
        let output = self.pass_on(output);
        let decision = self
            .settings
            .policy
            .decide(ending, events::attempt(&running.task));
        if decision == Decision::Done {
            self.totals.done += 1;
            events::done(self.report, slot, &running, self.naming);
        } else {
            self.totals.failed += 1;
            let ack = self.settings.ack;
            events::failed(self.report, slot, &running, ending, &decision, ack);
        }
        if decision != Decision::Done || channel.is_none() {
            self.flush();
        }
        match self.settings.ack {
            // It is told before the acknowledgement goes out: see `send_acks`.
            Ack::After => self.conclude(running, ending, &output, &decision, channel),
            Ack::Auto | Ack::Never => self.flush(),
        }
        let max = self.settings.max_tasks;
        if max.is_some_and(|max| self.totals.outcomes >= max.get()) {
            self.stop(Stop::MaxTasks);
        }
    }

    /// Passes on the output of a command that was kept until its end.
    fn pass_on(&mut self, mut output: Output) -> Output {
        if output.is_empty() {
            return output;
        }
        self.flush();
        let to = self.stdout_to();
        if let Err(error) = self.progress.suspend(|| output.write(to)) {
            self.report.output_failed(&error);
            self.stop_if_output_failed();
        }
        output
    }

    fn conclude(
        &mut self,
        running: Running,
        ending: &Ending,
        output: &Output,
        decision: &Decision,
        channel: Option<&Channel>,
    ) {
        let answer = letters::answer(self.report.host(), &running, ending, decision, output);
        let given = Given {
            slot: None,
            task: running.task,
            redelivered: running.redelivered,
            token: running.token,
        };
        let errand = match decision {
            Decision::Done => Errand::Done,
            Decision::Drop => Errand::Drop,
            Decision::Retry(pause) => Errand::Retry(*pause),
            Decision::Requeue => Errand::Requeue,
            Decision::DeadLetter => Errand::DeadLetter {
                reason: ending.describe(),
                stderr: output.tail.text(),
            },
        };
        if given.token.is_none() && !matches!(errand, Errand::Done | Errand::Drop) {
            // The broker hands it out again in any case. A retry beside that would be one more.
            self.warn(&format!(
                "failed, but the connection was lost; the broker will hand it out again: {}",
                given.task.line()
            ));
            return;
        }
        self.carry_out(given, errand, answer, channel);
    }

    /// The connection is gone: what it delivered is the broker's again.
    pub(super) fn void_deliveries(&mut self) {
        if self.settings.ack == Ack::Auto {
            // The broker has forgotten these; they are here alone.
            return;
        }
        self.void_waiting_acks();
        self.backlog.clear();
        for running in self.slots.iter_mut() {
            running.token = None;
        }
        self.errands.void_tokens();
        let window = self.settings.unnoticed_loss();
        self.finished.connection_lost(window);
    }
}

/// One `dot` for each `.` in the body.
#[allow(
    clippy::naive_bytecount,
    reason = "pretended work need not be counted fast"
)]
fn pretended_work(body: &[u8], dot: Duration) -> Duration {
    let dots = body.iter().filter(|byte| **byte == b'.').count();
    dot.saturating_mul(u32::try_from(dots).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dot_counts() {
        let second = Duration::from_secs(1);
        assert_eq!(pretended_work(b"Hello...", second), Duration::from_secs(3));
        assert_eq!(pretended_work(b"", second), Duration::ZERO);
        let half = Duration::from_millis(500);
        assert_eq!(
            pretended_work(b".a.\xff.", half),
            Duration::from_millis(1500)
        );
    }
}
