//! Hands the tasks to the publishing core, and tells what becomes of them.

use super::args::NewTaskArgs;
use super::pending::{Pending, PendingTask, TaskInput};
use super::reporter::Reporter;
use super::results::AwaitedResults;
use super::workers::Workers;
use crate::amqp::{Delivery, Series};
use crate::base::fault::{Fault, Kind};
use crate::output::progress::TICK;
use crate::publisher::User;
use crate::publisher::core::{Core, Input, Message, Notice, Scope, Sent, Verdict};
use crate::queues::{Destination, QueueType, priority_note};
use crossbeam_channel::Receiver;
use humantime::format_duration;
use std::time::{Duration, Instant};

/// How the sending ended.
#[derive(Debug)]
pub struct Ended {
    /// Why it ended before all was done.
    pub fault: Option<Fault>,
    /// What was not confirmed, in order.
    pub unconfirmed: Vec<PendingTask>,
    /// What was not looked at.
    pub rest: Pending,
    /// Whether any of the unconfirmed may be in the queue all the same.
    pub perhaps: bool,
}

/// Gives the tasks of an input.
pub(super) struct Sender<'a, 'r> {
    pub(super) pending: Pending,
    pub(super) to: Destination,
    pub(super) results: AwaitedResults,
    pub(super) args: &'a NewTaskArgs,
    pub(super) reporter: &'a mut Reporter<'r>,
    pub(super) workers: Workers,
    /// What was not sent because nothing can be.
    pub(super) refused: Vec<PendingTask>,
}

impl Sender<'_, '_> {
    /// What is left when the engine has ended.
    pub(super) fn ended(mut self, mut core: Core<PendingTask>, fault: Option<Fault>) -> Ended {
        let left = core.take_unfinished();
        let perhaps = left.iter().any(|(_, _, sent)| *sent == Sent::Perhaps);
        self.refused
            .extend(left.into_iter().map(|(_, task, _)| task));
        self.refused.sort_unstable_by_key(|task| task.number);
        let unconfirmed = self.refused;
        let fault = fault.map(|fault| match (fault.kind, unconfirmed.len()) {
            (Kind::Interrupted, count @ 1..) => interrupted(count, perhaps),
            _ => fault,
        });
        Ended {
            fault,
            unconfirmed,
            rest: self.pending,
            perhaps,
        }
    }
}

impl User for Sender<'_, '_> {
    type Payload = PendingTask;
    type Arrival = <TaskInput as IntoIterator>::Item;

    fn inbox(&self) -> Option<&Receiver<Self::Arrival>> {
        self.pending.inbox()
    }

    fn accept(
        &mut self,
        came: Option<Self::Arrival>,
        _core: &mut Core<PendingTask>,
        _now: Instant,
    ) {
        self.pending.accept(came);
    }

    fn feed(&mut self, core: &mut Core<PendingTask>, now: Instant) {
        if self.is_far_ahead() || !self.pending.has_some() || !core.has_room(&self.to, now) {
            return;
        }
        let Some(mut payload) = self.pending.next() else {
            return;
        };
        let number = payload.number;
        if self.args.wait {
            self.results.expect(&payload);
            self.reporter.outcomes.expect(number, &payload.task.body);
            let properties = std::mem::take(&mut payload.task.properties);
            payload.task.properties = properties.with_answer_wanted(number.to_string());
        }
        let to = self.to.clone();
        let message = Message {
            number,
            to,
            payload,
        };
        core.handle(Input::Message(message), now);
    }

    fn verdict(&mut self, verdict: Verdict<PendingTask>) -> Result<(), Fault> {
        match verdict {
            Verdict::Confirmed {
                number, payload, ..
            } => {
                self.reporter.confirmed(&payload);
                match self.results.confirmed(number) {
                    Some(gone) => self.reporter.unanswered(&[gone]),
                    None => Ok(()),
                }
            }
            Verdict::Refused {
                number,
                payload,
                fault,
                scope,
            } => {
                self.results.forget(number);
                match scope {
                    Scope::Message => self.reporter.refused(&payload, fault),
                    Scope::Destination => {
                        self.refused.push(payload);
                        Err(fault)
                    }
                }
            }
            Verdict::Withdrawn { .. } => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.reporter.notice(notice);
    }

    fn connected(&mut self, address: &str) {
        self.reporter.connected(address);
    }

    fn retrying(&mut self, fault: &Fault) {
        let text = format!("{fault}; retrying (--retry-for)");
        self.reporter.warn(&text);
    }

    fn queue_is_of(&mut self, queue_type: QueueType, series: Series) {
        let note = priority_note(&self.reporter.queue, queue_type, series);
        if let (Some(note), Some(_)) = (note, self.args.priority) {
            self.reporter.warn(&note);
        }
    }

    fn give_up(&mut self, fault: Fault, _core: &mut Core<PendingTask>) -> Result<(), Fault> {
        Err(fault)
    }

    fn tick(
        &mut self,
        core: &mut Core<PendingTask>,
        now: Instant,
    ) -> Result<Option<Instant>, Fault> {
        let is_visible = self.reporter.bar.is_visible();
        let tick = is_visible.then(|| now + TICK);
        if is_visible {
            self.reporter.progress(&self.pending);
        }
        if !self.only_waits(core) {
            return Ok(tick);
        }
        let until = self.args.wait_timeout.map(|limit| core.progress() + limit);
        match (until, self.args.wait_timeout) {
            (Some(until), Some(limit)) if until <= now => Err(no_result(limit)),
            _ => Ok([tick, until].into_iter().flatten().min()),
        }
    }

    fn wants_consumers(&self, core: &mut Core<PendingTask>) -> Option<Instant> {
        let is_waiting = self.to == Destination::Work
            && self.only_waits(core)
            // A request without an answer would end the connection, and the way back for results.
            && !core.is_blocked();
        is_waiting.then(|| self.workers.next_look(core.progress()))?
    }

    fn consumers(&mut self, count: Option<u32>, now: Instant) {
        if self.workers.found(count, now) {
            self.reporter.no_worker();
        }
    }

    fn is_done(&self, core: &mut Core<PendingTask>) -> bool {
        self.is_over(core)
    }

    fn waits_for_results(&self) -> bool {
        self.args.wait
    }

    fn publishing(&mut self, number: u64) {
        self.results.published(number);
    }

    fn answered(&mut self, delivery: Delivery) -> Result<Option<u64>, Fault> {
        let Some((number, result)) = self.results.came(delivery) else {
            return Ok(None);
        };
        self.reporter.answered(number, result)?;
        self.halt_if_due();
        Ok(Some(number))
    }

    fn channel_gone(&mut self) -> Result<(), Fault> {
        let gone = self.results.channel_gone();
        if gone.is_empty() {
            return Ok(());
        }
        self.reporter.unanswered(&gone)
    }
}

/// The user wants no more; so many tasks are unconfirmed, and `perhaps` some are in the queue.
fn interrupted(count: usize, perhaps: bool) -> Fault {
    let tasks = match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    };
    let text = match (count, perhaps) {
        (1, false) => "interrupted; the task was not sent".to_owned(),
        (_, false) => format!("interrupted; {tasks} were not sent"),
        (_, true) => format!(
            "interrupted before the broker had confirmed; {tasks} may or may not be in the queue"
        ),
    };
    Fault::new(Kind::Interrupted, text)
}

fn no_result(limit: Duration) -> Fault {
    let text = format!(
        "no result arrived for {} (--wait-timeout)",
        format_duration(limit)
    );
    Fault::new(Kind::NotTaken, text)
}
