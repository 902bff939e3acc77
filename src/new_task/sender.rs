//! Hands the tasks to the publishing core, and tells what becomes of them.

use super::event::{SendEvent, Standing, Tell};
use super::options::{Priority, SendOptions};
use super::pending::{Pending, PendingTask, TaskInput};
use super::results::AwaitedResults;
use crate::amqp::{Delivery, Series};
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{self, Core, Destination, Message, Notice, Scope, Sent};
use crate::publisher::{self, User};
use crate::queues::{QueueType, WorkQueue, priority_note};
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
pub(super) struct Sender<'a> {
    pub(super) pending: Pending,
    pub(super) to: Destination,
    pub(super) queue: WorkQueue,
    pub(super) results: AwaitedResults,
    pub(super) options: SendOptions,
    pub(super) tell: &'a mut Tell<'a>,
    /// What was not sent because nothing can be.
    pub(super) refused: Vec<PendingTask>,
}

impl Sender<'_> {
    fn say(&mut self, event: SendEvent<'_>) -> Result<(), Fault> {
        (self.tell)(event)
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

    fn confirmed(&mut self, number: u64, task: &PendingTask) -> Result<(), Fault> {
        self.say(SendEvent::Confirmed(task))?;
        match self.results.confirmed(number) {
            Some(gone) => self.say(SendEvent::ResultsGone(vec![gone])),
            None => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice) -> Result<(), Fault> {
        match notice {
            Notice::Lost { fault, again } => self.say(SendEvent::Lost(&fault, again)),
            Notice::Refused {
                queue,
                waiting,
                refusal,
                ..
            } => {
                let why = core::describe(&refusal, &queue, self.queue.declare);
                self.say(SendEvent::Refused(waiting, why))
            }
            Notice::Adopted(current) => self.say(SendEvent::Adopted(&current)),
            Notice::Blocked(reason) => self.say(SendEvent::Blocked(&reason)),
            Notice::Unblocked => self.say(SendEvent::Unblocked),
            Notice::BacklogFull(ready) => self.say(SendEvent::BacklogFull(u64::from(ready))),
        }
    }

    fn queue_is_of(&mut self, queue_type: QueueType, series: Series) -> Result<(), Fault> {
        let note = priority_note(&self.queue, queue_type, series);
        match (note, self.options.priority) {
            (Some(note), Priority::Given) => self.say(SendEvent::NoPriorities(note)),
            _ => Ok(()),
        }
    }

    fn waits_for_results(&self) -> bool {
        matches!(self.options.results, publisher::Results::Wanted(_))
    }
}

impl User for Sender<'_> {
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
        if !self.pending.has_some() || !core.has_room(&self.to, now) {
            return;
        }
        let Some(mut payload) = self.pending.next() else {
            return;
        };
        let number = payload.number;
        if self.waits_for_results() {
            self.results.expect(&payload);
            let properties = std::mem::take(&mut payload.task.properties);
            payload.task.properties = properties.with_answer_wanted(number.to_string());
        }
        let to = self.to.clone();
        let message = Message {
            number,
            to,
            payload,
        };
        core.handle(core::Input::Message(message), now);
    }

    fn take(&mut self, event: publisher::PublishEvent<'_, PendingTask>) -> Result<(), Fault> {
        match event {
            publisher::PublishEvent::Confirmed(number, _, task) => self.confirmed(number, &task),
            publisher::PublishEvent::Refused(number, task, fault, Scope::Message) => {
                self.results.forget(number);
                self.say(SendEvent::Failed(task, &fault))
            }
            publisher::PublishEvent::Refused(number, task, fault, Scope::Destination) => {
                self.results.forget(number);
                self.refused.push(task);
                Err(fault)
            }
            publisher::PublishEvent::Withdrawn(..) => Ok(()),
            publisher::PublishEvent::Notice(notice) => self.notice(notice),
            publisher::PublishEvent::Connected(address) => self.say(SendEvent::Connected(address)),
            publisher::PublishEvent::Retrying(fault) => self.say(SendEvent::Retrying(&fault)),
            publisher::PublishEvent::Type(queue_type, series) => {
                self.queue_is_of(queue_type, series)
            }
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
        let tick = match self.options.tick {
            Some(tick) => {
                let (taken, bytes) = (self.pending.taken(), self.pending.bytes());
                self.say(SendEvent::Tick(Standing { taken, bytes }))?;
                Some(now + tick)
            }
            None => None,
        };
        let publisher::Results::Wanted(Some(limit)) = self.options.results else {
            return Ok(tick);
        };
        if !self.pending.is_over() || !core.is_idle() {
            return Ok(tick);
        }
        let until = core.progress() + limit;
        if until <= now {
            return Err(no_result(limit));
        }
        Ok(tick.into_iter().chain([until]).min())
    }

    fn is_done(&self, core: &mut Core<PendingTask>) -> bool {
        self.pending.is_over() && self.results.is_empty() && core.is_idle()
    }

    fn publishing(&mut self, number: u64) {
        if self.waits_for_results() {
            self.results.published(number);
        }
    }

    fn answered(&mut self, delivery: Delivery) -> Result<Option<u64>, Fault> {
        let Some((number, result)) = self.results.came(delivery) else {
            return Ok(None);
        };
        self.say(SendEvent::Result(number, result))?;
        Ok(Some(number))
    }

    fn channel_gone(&mut self) -> Result<(), Fault> {
        let gone = self.results.channel_gone();
        if gone.is_empty() {
            return Ok(());
        }
        self.say(SendEvent::ResultsGone(gone))
    }
}

/// The user wants no more; so many tasks are unconfirmed, and `perhaps` some are in the queue.
fn interrupted(count: usize, perhaps: bool) -> Fault {
    let tasks = match count {
        1 => "the task".to_owned(),
        _ => format!("{count} tasks"),
    };
    let text = match (count, perhaps) {
        (1, false) => "interrupted; the task is not sent".to_owned(),
        (_, false) => format!("interrupted; {tasks} are not sent"),
        (_, true) => format!(
            "interrupted before the broker had confirmed; {tasks} may or may not be in the queue"
        ),
    };
    Fault::new(Kind::Interrupted, text)
}

fn no_result(limit: Duration) -> Fault {
    let text = format!(
        "no outcome came for {} (--wait-timeout)",
        format_duration(limit)
    );
    Fault::new(Kind::NotTaken, text)
}
