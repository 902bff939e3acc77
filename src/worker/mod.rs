//! What `worker` does.
//!
//! One thread owns the connection and all state: the **owner**. It waits for deliveries, for
//! signals, for the end of commands and for the postman, and it alone acknowledges. `session` is its way
//! from connecting to consuming and back; `tasks` what it does with deliveries; `drain` how
//! it stops.

mod child;
mod command;
mod dead;
mod drain;
mod errands;
mod events;
mod finished;
mod outcome;
mod output;
mod pool;
mod postman;
mod redelivery;
mod session;
mod slots;
mod status;
mod tasks;

use crate::amqp::{Channel, Prefetch, Settlement};
use crate::cli::{Ack, LogFormat, WorkerArgs};
use crate::connection::{Connector, RetryFor};
use crate::exit_code::ExitCode;
use crate::fault::{Fault, Kind};
use crate::progress::Progress;
use crate::report::Report;
use crate::shutdown::{self, CutAt};
use crate::topology::{QueueName, Replicated, WorkQueue};
use anyhow::{Context as _, Result};
use child::{Limits, Ran};
use command::TaskCommand;
use crossbeam_channel::{Receiver, Sender, unbounded};
use errands::Errands;
use events::{Naming, Totals};
use finished::Finished;
use outcome::FailurePolicy;
use pool::Pool;
use postman::Postman;
use slots::Slots;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};
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
    /// The postman has delivered a letter, or cannot.
    Posted {
        number: u64,
        queue: String,
        result: Result<(), Fault>,
    },
}

/// What a worker works with.
struct Settings {
    queue: WorkQueue,
    connector: Connector,
    prefetch: Prefetch,
    ack: Ack,
    dot: Duration,
    command: Option<TaskCommand>,
    limits: Limits,
    policy: FailurePolicy,
    /// 0: returns are not counted.
    max_redeliveries: u32,
    dead_letters: QueueName,
    log_format: LogFormat,
    exit_when_empty: bool,
    idle_timeout: Option<Duration>,
    max_tasks: Option<NonZeroU64>,
    grace: Option<Duration>,
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
    /// Runs the command; `None`: the work is pretended.
    pool: Option<Pool>,
    errands: Errands,
    /// Started when it is first needed.
    postman: Option<Postman>,
    /// Whether the queues beside the work queue are to be replicated.
    replicated: Replicated,
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
    let when_cut = shutdown::install(CutAt::Second, move || {
        let _ = signals.send(Message::Signal);
    })?;
    let name = format!("worker {}", report.who());
    let connector = args.common.connector(name, args.retry_for, when_cut)?;
    let queue = args.common.work_queue();
    let dead_letters = match &args.dead_letter_queue {
        Some(name) => name.clone(),
        None => queue.name.dead_letters()?,
    };
    if args.status {
        return Ok(status::show(&connector, &queue, &dead_letters, report)?);
    }
    if args.list_dead {
        return Ok(dead::list(&connector, &dead_letters, report)?);
    }
    if args.replay_dead {
        let only = args.id.as_deref();
        return Ok(dead::replay(
            &connector,
            &queue,
            &dead_letters,
            only,
            report,
        )?);
    }
    let command = TaskCommand::find(&args.command, queue.name.as_str())?;
    let limits = Limits {
        timeout: args.timeout.map(Into::into),
        kill_after: args.kill_after.into(),
    };
    warn_of_lessons(args.ack, report);
    let concurrency = usize::from(args.concurrency.get());
    let pool = match &command {
        Some(command) => Some(
            Pool::start(concurrency, command, limits, &sender).context("cannot start threads")?,
        ),
        None => None,
    };
    // A command's own output streams to the terminal where there is one slot; no bar beside it.
    let no_bars = args.common.quiet || (pool.is_some() && concurrency == 1);
    let replicated = queue.replicated();
    let worker = Worker {
        settings: Settings {
            queue,
            connector,
            prefetch: args.prefetch(),
            ack: args.ack,
            dot: args.dot.into(),
            command,
            limits,
            policy: FailurePolicy {
                on_failure: args.on_failure,
                retries: args.retries,
                backoff: args.backoff,
                backoff_max: args.backoff_max,
                fatal_exit: args.fatal_exit.clone(),
            },
            max_redeliveries: args.max_redeliveries,
            dead_letters,
            log_format: args.common.log_format,
            exit_when_empty: args.exit_when_empty,
            idle_timeout: args.idle_timeout.map(Into::into),
            max_tasks: args.max_tasks,
            grace: args.grace.map(Into::into),
        },
        progress: Progress::new(concurrency, no_bars),
        report,
        messages,
        sender,
        slots: Slots::new(concurrency),
        backlog: VecDeque::new(),
        finished: Finished::default(),
        pool,
        errands: Errands::default(),
        postman: None,
        replicated,
        totals: Totals::default(),
        naming: if concurrency == 1 {
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

impl Settings {
    fn settlement(&self) -> Settlement {
        match self.ack {
            Ack::After | Ack::Never => Settlement::ByUs,
            Ack::Auto => Settlement::ByTheBroker,
        }
    }

    /// How long before the end of a connection an acknowledgement may have been lost with it: a
    /// silent broker is given up after two heartbeats, and timers are up to one late.
    fn unnoticed_loss(&self) -> Duration {
        self.connector.options.heartbeat * 3
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

    /// Begins to stop, unless that has begun.
    fn stop(&mut self, why: Stop) {
        if self.stop.is_none() {
            self.stop = Some(why);
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

/// The connection ended while the worker was about to stop.
fn stopped_without_ack(tasks: u64, cause: &Fault) -> Fault {
    let text = format!(
        "{cause}; {tasks} finished task(s) could not be acknowledged and will be done again"
    );
    Fault::new(Kind::Lost, text)
}
