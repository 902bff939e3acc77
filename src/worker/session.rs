//! A worker at work: its state, and how what happens reaches the core.

use super::core::policy::Ending;
use super::core::{self, CannotRun, End, Input, Moment};
use super::events::Teller;
use super::host::{Change, HostWatch};
use super::incoming::Incoming;
use super::monitoring::Monitoring;
use super::paused_mark::PausedMark;
use super::process::Ran;
use super::publishing::Publishing;
use super::settings::WorkerSettings;
use super::work::Work;
use crate::amqp::{Channel, Consuming, Delivery, Link};
use crate::base::fault::Fault;
use crate::queues::{QueueType, WorkQueue};
use crate::task::Task;
use crossbeam_channel::Receiver;
use std::time::Instant;

/// A worker at work.
pub(super) struct Session<'a> {
    pub(super) settings: WorkerSettings,
    pub(super) core: core::Worker,
    pub(super) work: Work,
    pub(super) teller: Teller<'a>,
    pub(super) publishing: Publishing,
    pub(super) messages: Receiver<Incoming>,
    pub(super) known: Known,
    pub(super) host: HostWatch,
    pub(super) monitoring: Monitoring,
    /// While the host is busy.
    pub(super) paused: Option<PausedMark>,
}

/// What has been found out and said so far.
#[derive(Default)]
pub(super) struct Known {
    /// The real type of the work queue.
    pub(super) queue_type: Option<QueueType>,
    /// It has been said that it is of another type.
    pub(super) has_noted_adoption: bool,
    /// It has been said that the command does not look at its tasks.
    pub(super) has_noted_ignored_task: bool,
    /// With `--no-declare`: the other queues were looked for.
    pub(super) has_looked: bool,
    /// How many tasks it holds, for the terminal, and when that is asked next.
    pub(super) ready: Option<u32>,
    pub(super) next_count: Option<Instant>,
    /// Where the connection leads.
    pub(super) broker: String,
}

impl Known {
    /// What the user says of it.
    pub(super) fn of(queue: &WorkQueue) -> Self {
        Self {
            queue_type: queue.queue_type,
            ..Self::default()
        }
    }
}

/// What cannot be done in the middle of things.
pub(super) enum Turn {
    Connect,
    Consume(core::ConsumeOn),
    End(End),
    Lost(Fault),
}

/// A consumer, and what it runs on.
pub(super) struct Place<'p, 'c> {
    pub(super) link: &'p mut Link,
    pub(super) channel: &'c Channel,
    /// Channels on which earlier deliveries are still to be settled.
    pub(super) earlier: &'p mut Vec<Channel>,
    pub(super) consuming: Consuming<'c>,
    /// When deliveries were last taken in, or looked for.
    pub(super) took_in: Instant,
}

impl Session<'_> {
    /// A task has come.
    pub(super) fn delivered(&mut self, now: Moment, delivery: Delivery) {
        let Delivery {
            body,
            properties,
            redelivered,
            token,
        } = delivery;
        if redelivered {
            self.monitoring.redelivered();
        }
        let task = Task { body, properties };
        let delivery = core::Delivery::new(task, redelivered, token);
        self.core.handle(now, Input::Delivery(delivery));
    }

    /// Something came in from a thread.
    pub(super) fn handle(&mut self, message: Incoming) {
        match message {
            Incoming::Signal => self.happened(Input::Signal),
            Incoming::Warning(text) => self.teller.warn(&text),
            Incoming::Ran { slot, ran } => self.ran(Moment::now(), slot, ran),
            // It has been taken in by now.
            Incoming::TookNext => {}
            Incoming::Verdict { number, verdict } => {
                self.happened(Input::Verdict { number, verdict });
            }
        }
    }

    /// The command in a slot has ended, or could not be run.
    pub(super) fn ran(&mut self, now: Moment, slot: usize, ran: Result<Ran, CannotRun>) {
        let input = match ran {
            Ok(ran) => {
                self.teller.outputs.keep(slot, ran.output);
                if ran.outcome.ending != Ending::Exit(0) {
                    // One that writes there itself may have failed for that.
                    self.teller.report.look_at_stdout();
                }
                if ran.has_ignored_task && !self.known.has_noted_ignored_task {
                    self.known.has_noted_ignored_task = true;
                    self.teller.note(
                        "the command did not read the task from its stdin; to have the task \
                         in its arguments, write {}",
                    );
                }
                let outcome = ran.outcome;
                Input::Ended { slot, outcome }
            }
            Err(why) => Input::NotStarted { slot, why },
        };
        self.core.handle(now, input);
    }

    /// Looks whether the host is too busy for more tasks.
    pub(super) fn look_at_host(&mut self) {
        let now = Moment::now();
        match self.host.look(now.instant) {
            Some(Change::Busy(why)) => self.core.handle(now, Input::Pause(why)),
            Some(Change::Free) => self.core.handle(now, Input::Resume),
            None => {}
        }
    }

    pub(super) fn happened(&mut self, input: Input) {
        self.core.handle(Moment::now(), input);
    }

    /// Writes out what was told. If nobody reads it any more the worker stops: `false`, once.
    pub(super) fn flush(&mut self) -> bool {
        self.teller.flush();
        let Some(fault) = self.teller.failure().cloned() else {
            return true;
        };
        if self.core.has_lost_output() {
            return true;
        }
        self.happened(Input::OutputLost(fault));
        false
    }

    /// Writes out what was told.
    ///
    /// # Errors
    /// Why it is not read any more. Then nothing may begin that nobody would hear of.
    pub(super) fn make_heard(&mut self) -> Result<(), Fault> {
        self.flush();
        self.teller.failure().cloned().map_or(Ok(()), Err)
    }
}
