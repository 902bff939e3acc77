//! What `worker` does.
//!
//! [`core`] decides. Around it, `session` is the state, owned by the one thread that also owns the
//! connection; `serving` is that thread's loop, `connecting` how it comes to a connection, `actions`
//! what the core wants done. `work` does the tasks, by `commands` and
//! `process` where there is a command;
//! `publishing` hands messages to the publisher; `host` looks whether there is room for more tasks,
//! `paused_mark` tells others that there is none;
//! `events` tells what happens, `terminal` draws it. `monitoring` is what others are told who watch the
//! worker, `metrics` its numbers, both from `state`. `admin` is what a worker does without working, `admin_task` which of
//! that. `sections` is the end of its help text.

mod actions;
mod admin;
mod admin_task;
mod args;
mod commands;
mod connecting;
pub mod core;
mod events;
mod fields;
mod host;
mod incoming;
mod metrics;
mod monitoring;
mod outputs;
mod paused_mark;
mod process;
mod publishing;
mod queues;
mod sections;
mod serving;
mod session;
mod settings;
mod state;
mod terminal;
mod totals;
mod work;

use self::core::Moment;
use self::core::policy::Ack;
use crate::base::exit_code::ExitCode;
use crate::base::signals::{self, EndsAt};
use crate::output::Report;
pub use args::WorkerArgs;
use commands::{Commands, OutputOptions};
use crossbeam_channel::unbounded;
use events::Teller;
use host::HostWatch;
use incoming::Incoming;
use monitoring::Monitoring;
use process::{Pool, TaskCommand};
use publishing::Publishing;
use session::{Known, Session};
use settings::WorkerSettings;
use work::{Pretended, Work};

/// Takes tasks and does them until it is told or set to stop.
pub fn run(args: &WorkerArgs, report: &mut Report) -> anyhow::Result<ExitCode> {
    let (sender, messages) = unbounded();
    let signals = sender.clone();
    let task = args.admin.task();
    let ends_at = match task {
        None => EndsAt::WORKER,
        Some(_) => EndsAt::FIRST,
    };
    let when_cancelled = signals::install(ends_at, move || {
        let _ = signals.send(Incoming::Signal);
    })?;
    let settings = WorkerSettings::new(args, when_cancelled, report)?;
    if let Some(task) = task {
        let only = args.admin.id.as_deref();
        return Ok(admin::run(task, only, &settings, &messages, report)?);
    }
    let command = TaskCommand::find(&args.command, settings.queue.name.as_str())?;
    warn_of_lessons(args.ack, report);
    let monitoring = Monitoring::begin(args.metrics.as_ref(), &settings, report)?;
    let work = match &command {
        Some(command) => {
            let slots = settings.core.slots;
            process::make_room(slots, monitoring.open_files())?;
            let pool = Pool::start(slots, command, settings.limits, &sender)?;
            let output = OutputOptions::new(slots, report);
            let replies = settings.core.replies.clone();
            Work::Commands(Commands::new(pool, output, replies))
        }
        None => Work::Pretended(Pretended::new(args.dot)),
    };
    let now = Moment::now();
    let session = Session {
        core: core::Worker::new(settings.core.clone(), now),
        teller: Teller::new(&settings, work.note(), report),
        work,
        publishing: Publishing::new(sender, "retries and dead letters"),
        messages,
        known: Known::of(&settings.queue),
        host: HostWatch::new(args.host.clone(), now.instant)?,
        monitoring,
        paused: None,
        settings,
    };
    Ok(session.run()?)
}

fn warn_of_lessons(ack: Ack, report: &Report) {
    match ack {
        Ack::After => {}
        Ack::Auto => report.warn(
            "--ack auto: the broker forgets a task as it sends it; when this worker is killed, \
             its tasks are lost",
        ),
        Ack::Never => report.warn(
            "--ack never: no task is acknowledged; all of them return when this worker ends, \
             and the broker's memory grows until then",
        ),
    }
}
