//! What `worker` does.
//!
//! One thread owns the connection and all state: the **owner**. It waits for deliveries, for
//! signals, for the end of commands and for the postman, and it alone acknowledges. `session` is its way
//! from connecting to consuming and back; `tasks` what it does with deliveries; `drain` how
//! it stops.

mod acks;
mod beforehand;
mod child;
mod command;
pub mod core;
mod dead;
mod drain;
mod errands;
mod events;
mod exit_watch;
mod finished;
#[cfg(test)]
mod fuzz;
mod group;
mod letters;
mod outcome;
mod output;
mod pool;
mod postman;
mod redelivery;
mod session;
mod settings;
mod slots;
mod status;
mod tasks;
mod watched;

use crate::amqp::Channel;
use crate::cli::{Ack, WorkerArgs};
use crate::connection::RetryFor;
use crate::exit_code::ExitCode;
use crate::fault::{Fault, Kind};
use crate::progress::Progress;
use crate::report::Report;
use crate::shutdown::{self, EndsAt};
use crate::topology::QueueType;
use acks::Acks;
use anyhow::{Context as _, Result};
use child::Ran;
use command::TaskCommand;
use crossbeam_channel::{Receiver, Sender, unbounded};
use errands::Errands;
use events::{Naming, Totals};
use finished::Finished;
use pool::Pool;
use postman::Postman;
use settings::Settings;
use slots::Slots;
use std::collections::VecDeque;
use std::time::Instant;
use tasks::Handed;

/// What reaches the owner beside deliveries.
enum Message {
    /// Ctrl+C, SIGTERM or SIGHUP.
    Signal,
    /// The broker cannot be reached; the connector keeps trying.
    Retrying(Fault),
    /// The command in a slot has ended, or cannot be run any more.
    Ran {
        slot: usize,
        ran: Result<Ran, Fault>,
    },
    /// Something to warn of.
    Warning(String),
    /// The postman has delivered a letter, or cannot.
    Posted {
        number: u64,
        queue: String,
        result: Result<(), Fault>,
    },
}

/// Why the owner stops.
#[derive(Debug)]
enum Stop {
    /// The first signal.
    Signal,
    /// `--max-tasks` were done.
    MaxTasks,
    /// `--exit-when-empty`, and the queue is empty.
    Empty,
    /// `--idle-timeout` has passed.
    Idle,
    /// It cannot go on; why.
    Failed(Fault),
}

/// The owner's state.
struct Worker<'a> {
    settings: Settings,
    report: &'a mut Report,
    progress: Progress,
    messages: Receiver<Message>,
    sender: Sender<Message>,
    slots: Slots,
    /// Delivered and not begun.
    backlog: VecDeque<Handed>,
    finished: Finished,
    acks: Acks,
    /// Runs the command; `None`: the work is pretended.
    pool: Option<Pool>,
    errands: Errands,
    /// Started when it is first needed.
    postman: Option<Postman>,
    /// The work queue's real type, where it is known.
    queue_type: Option<QueueType>,
    totals: Totals,
    naming: Naming,
    stop: Option<Stop>,
    signals: u32,
    /// The second signal has come, or the grace has ended.
    stop_now: bool,
    /// When the last task ended, or consuming began.
    idle_since: Instant,
    has_waited: bool,
    has_noted_adoption: bool,
    ready: Option<u32>,
    /// Finished tasks whose acknowledgement became void.
    void_acks: u64,
}

/// Takes tasks and does them until it is told or set to stop.
pub fn run(args: &WorkerArgs, report: &mut Report) -> Result<ExitCode> {
    let (sender, messages) = unbounded();
    let signals = sender.clone();
    let ends_at = if args.only_looks() {
        EndsAt::FIRST
    } else {
        EndsAt::WORKER
    };
    let when_cut = shutdown::install(ends_at, move || {
        let _ = signals.send(Message::Signal);
    })?;
    let settings = Settings::new(args, when_cut, report)?;
    if args.status {
        return Ok(status::show(&settings, report)?);
    }
    if args.list_dead {
        return Ok(dead::list(&settings, args.id.as_deref(), report)?);
    }
    if args.replay_dead {
        return Ok(dead::replay(&settings, args.id.as_deref(), report)?);
    }
    let command = TaskCommand::find(&args.command, settings.queue.name.as_str())?;
    warn_of_lessons(args.ack, report);
    let slots = usize::from(args.concurrency.get());
    let pool = match &command {
        Some(command) => {
            let pool = Pool::start(slots, command, settings.limits, &sender);
            Some(pool.context("cannot start threads")?)
        }
        None => None,
    };
    // A command's own output streams to the terminal where there is one slot; no bar beside it.
    let no_bars = args.common.quiet || (pool.is_some() && slots == 1);
    let worker = Worker {
        queue_type: settings.queue.queue_type,
        acks: Acks::new(settings.prefetch, slots),
        settings,
        progress: Progress::new(slots, no_bars),
        report,
        messages,
        sender,
        slots: Slots::new(slots),
        backlog: VecDeque::new(),
        finished: Finished::default(),
        pool,
        errands: Errands::default(),
        postman: None,
        totals: Totals::default(),
        naming: if slots == 1 {
            Naming::Implied
        } else {
            Naming::Named
        },
        stop: None,
        signals: 0,
        stop_now: false,
        idle_since: Instant::now(),
        has_waited: false,
        has_noted_adoption: false,
        ready: None,
        void_acks: 0,
    };
    Ok(worker.run()?)
}

fn warn_of_lessons(ack: Ack, report: &Report) {
    match ack {
        Ack::After => {}
        Ack::Auto => report.warn(
            "--ack auto: the broker forgets a task as it sends it; when this worker is killed, \
             its tasks are lost",
        ),
        Ack::Never => report.warn(
            "--ack never: no task is acknowledged; all of them come back when this worker ends, \
             and the broker's memory grows until then",
        ),
    }
}

impl Worker<'_> {
    fn run(mut self) -> Result<ExitCode, Fault> {
        let ended = self.work();
        self.progress.clear();
        let reason = match (&ended, self.stop_now) {
            (Err(_), _) => "failed",
            (Ok(()), true) => "interrupted",
            (Ok(()), false) => match &self.stop {
                Some(Stop::Signal) | None => "signal",
                Some(Stop::MaxTasks) => "max-tasks",
                Some(Stop::Empty) => "empty",
                Some(Stop::Idle) => "idle",
                Some(Stop::Failed(_)) => "failed",
            },
        };
        events::stopped(self.report, &self.totals, reason);
        self.report.flush();
        if self.void_acks > 0 && !self.stop_now && self.settings.ack == Ack::After {
            // A stop that is not clean: what was done here is done again elsewhere.
            let cause = match ended {
                Err(fault) => format!("{fault}; "),
                Ok(()) => String::new(),
            };
            return Err(stopped_without_ack(self.void_acks, &cause));
        }
        match (ended, self.stop) {
            (Err(fault), _) | (Ok(()), Some(Stop::Failed(fault))) => Err(fault),
            (Ok(()), _) if self.stop_now => Ok(ExitCode::Interrupted),
            (Ok(()), _) => match self.report.failure() {
                Some(fault) => Err(fault.clone()),
                None => Ok(ExitCode::Done),
            },
        }
    }

    fn handle(&mut self, message: Message, channel: Option<&Channel>) {
        match message {
            Message::Signal => self.signalled(),
            Message::Warning(text) => self.warn(&text),
            Message::Ran { slot, ran } => self.ran(slot, ran, channel),
            Message::Posted {
                number,
                queue,
                result,
            } => self.posted(number, queue, result, channel),
            Message::Retrying(fault) => {
                let text = match self.settings.connector.retry_for {
                    RetryFor::Forever => format!("{fault}; trying again until it answers"),
                    RetryFor::AtMost(_) => format!(
                        "{fault}; trying again (--retry-for {})",
                        self.settings.connector.retry_for
                    ),
                };
                self.warn(&text);
            }
        }
    }

    /// Begins to stop, unless that has begun. What fails while it stops is still how it ends.
    fn stop(&mut self, why: Stop) {
        match (&self.stop, &why) {
            (None, _)
            | (Some(Stop::Signal | Stop::MaxTasks | Stop::Empty | Stop::Idle), Stop::Failed(_)) => {
                self.stop = Some(why);
            }
            (Some(_), _) => {}
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    fn warn(&self, text: &str) {
        self.progress.suspend(|| self.report.warn(text));
    }

    fn note(&self, text: &str) {
        self.progress.suspend(|| self.report.note(text));
    }

    /// Writes out what was told so far. If nobody reads it any more the worker stops.
    fn flush(&mut self) {
        if !self.report.has_pending() {
            return;
        }
        let Self {
            report, progress, ..
        } = self;
        progress.suspend(|| report.flush());
        self.stop_if_output_failed();
    }

    fn stop_if_output_failed(&mut self) {
        if let Some(fault) = self.report.failure() {
            let fault = fault.clone();
            self.stop(Stop::Failed(fault));
        }
    }
}

/// The worker stopped without a connection.
fn stopped_without_ack(tasks: u64, cause: &str) -> Fault {
    let text =
        format!("{cause}{tasks} finished task(s) could not be acknowledged and will be done again");
    Fault::new(Kind::Lost, text)
}
