//! Hands the tasks to the publishing core, and tells what becomes of them.

use super::args::NewTaskArgs;
use super::collect::note;
use super::ended::{Ended, interrupted, no_result};
use super::later::Later;
use super::pending::{Pending, PendingTask, TaskInput};
use super::reporter::Reporter;
use super::results::{AwaitedResults, Came};
use super::workers::Workers;
use crate::amqp::connector::Connector;
use crate::amqp::{AckToken, Delivery, Series};
use crate::base::fault::{Fault, Kind};
use crate::base::signals::Handlers;
use crate::output::progress::TICK;
use crate::publisher::core::{Core, Input, Message, Notice, Scope, Sent, Verdict};
use crate::publisher::{Answered, ResultsFrom, User};
use crate::queues::{Destination, QueueType, WorkQueue, priority_note};
use crossbeam_channel::Receiver;
use std::time::Instant;

/// Gives the tasks of an input.
pub(super) struct Sender<'a, 'r> {
    pub(super) pending: Pending,
    pub(super) to: Destination,
    pub(super) results: AwaitedResults,
    /// Results that are collected later.
    pub(super) later: Option<Later>,
    pub(super) args: &'a NewTaskArgs,
    /// Signal handlers that are not needed any more once the task is safe.
    pub(super) put_off: Option<&'a Handlers>,
    pub(super) reporter: &'a mut Reporter<'r>,
    pub(super) workers: Workers,
    /// What was not sent because nothing can be.
    pub(super) refused: Vec<PendingTask>,
}

impl Sender<'_, '_> {
    /// Leaves results that are still to come, or to be printed, to another command.
    pub(super) fn leave_results(
        &mut self,
        connector: &Connector,
        work: WorkQueue,
        fault: Option<&Fault>,
    ) {
        let ResultsFrom::Queue(queue) = self.results.from() else {
            return;
        };
        let held = self.reporter.outcomes.leave();
        let (left, state) = self.results.left(&held);
        if left == 0 {
            return;
        }
        let is_away = fault.is_some_and(Fault::is_transient);
        let noted = (!is_away).then(|| note(connector, work, queue, &state));
        self.reporter.left(
            &queue.results,
            left,
            noted.is_some_and(|noted| noted.is_ok()),
        );
    }

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
        if self.args.results.wait {
            self.results.expect(&payload);
            self.reporter.outcomes.expect(number, &payload.task.body);
            let properties = std::mem::take(&mut payload.task.properties);
            payload.task.properties = self.results.address(properties, number);
        }
        if let Some(later) = &self.later {
            let properties = std::mem::take(&mut payload.task.properties);
            payload.task.properties = later.address(properties, number);
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
                if let Some(handlers) = self.put_off {
                    handlers.all_is_safe();
                }
                self.reporter.confirmed(&payload);
                if let Some(later) = &mut self.later {
                    later.sent.insert(number);
                }
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

    fn connected(&mut self, address: &str) -> Result<(), Fault> {
        self.reporter.connected(address);
        Ok(())
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
        let until = self
            .args
            .results
            .wait_timeout
            .map(|limit| core.progress() + limit);
        match (until, self.args.results.wait_timeout) {
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

    fn results(&self) -> Option<ResultsFrom> {
        self.args.results.wait.then(|| self.results.from().clone())
    }

    fn results_refused(&mut self, fault: Fault) -> Result<(), Fault> {
        // Nothing was sent yet: the queue is declared before.
        self.results.come_straight();
        self.reporter.no_results_queue(&fault);
        Ok(())
    }

    fn results_lost(&mut self) -> Result<(), Fault> {
        self.reporter.results_lost();
        self.reporter.unanswered(&self.results.gone())
    }

    fn take_written(&mut self) -> Vec<AckToken> {
        std::mem::take(self.reporter.outcomes.written())
    }

    fn held_results(&self) -> usize {
        self.reporter.outcomes.held()
    }

    fn deletes_results(&self) -> bool {
        self.results.is_empty() && self.held_results() == 0
    }

    fn publishing(&mut self, number: u64) {
        self.results.published(number);
    }

    fn answered(&mut self, delivery: Delivery) -> Answered {
        let mut answered = Answered {
            number: None,
            taken: Ok(()),
        };
        match self.results.came(delivery) {
            Came::New(number, result) => {
                answered.number = Some(number);
                answered.taken = self.reporter.answered(number, result);
                if answered.taken.is_ok() {
                    self.halt_if_due();
                } else {
                    self.results.not_printed(number);
                }
            }
            Came::Again(number, token) => self.reporter.came_again(number, token),
            Came::Foreign(token) => self.reporter.outcomes.written().push(token),
        }
        answered
    }

    fn channel_gone(&mut self) -> Result<(), Fault> {
        let gone = self.results.channel_gone();
        if gone.is_empty() {
            return Ok(());
        }
        self.reporter.unanswered(&gone)
    }
}
