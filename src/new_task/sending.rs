//! Sends the tasks of an input: sets up the engine that publishes, and runs it.

use super::args::NewTaskArgs;
use super::pending::{Pending, TaskInput};
use super::reporter::Reporter;
use super::results::AwaitedResults;
use super::sender::{Ended, Sender};
use super::workers::Workers;
use crate::amqp::FramesInFlight;
use crate::amqp::connector::{Connector, RetryFor};
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::Fault;
use crate::output::Report;
use crate::publisher::core::{
    Backlog, Config, Connect, Core, Needed, PATIENCE, Queues, Size, Upkeep,
};
use crate::publisher::{Driver, WINDOW_BYTES};
use crate::queues::{Declare, Destination, QueueType};
use crate::task::Template;
use std::time::{Duration, Instant};

/// How the broker is reached.
pub(super) fn connector(
    args: &NewTaskArgs,
    when_cancelled: WhenCancelled,
    report: &Report,
) -> Result<Connector, Fault> {
    let name = format!("new_task {}", report.who());
    let common = &args.common;
    let mut connector = common.connector(name, args.retry_for, when_cancelled, None)?;
    connector.options.frames_in_flight = FramesInFlight::Many;
    Ok(connector)
}

/// Sends all tasks of `input`, and tells what happens.
pub(super) fn send(
    args: &NewTaskArgs,
    connector: Connector,
    input: TaskInput,
    reporter: &mut Reporter<'_>,
) -> Ended {
    let now = Instant::now();
    let to = match args.delay {
        Some(delay) if !delay.is_zero() => Destination::Delay(delay),
        Some(_) | None => Destination::Work,
    };
    let config = config(args, &connector, &to);
    let mut template = Template::new(&args.task_options());
    // Tasks that lie in a delay queue carry their own expiration.
    if let Some(after) = to.expiration(config.queues.work.declare) {
        template = template.with_expiration(after);
    }
    let mut core = Core::new(config, now);
    core.prepare(&to, now);
    let mut sender = Sender {
        pending: Pending::new(input, template),
        to,
        results: AwaitedResults::default(),
        args,
        reporter,
        workers: Workers::default(),
        refused: Vec::new(),
    };
    let (core, ended) = Driver::new(connector, core, &mut sender).run();
    sender.ended(core, ended.err())
}

fn config(args: &NewTaskArgs, connector: &Connector, to: &Destination) -> Config {
    let work = args.common.work_queue();
    let keep_channel = match (args.wait, connector.endpoints.len()) {
        (false, _) => Duration::ZERO,
        // Another channel helps where a queue's leader has died, which takes a cluster.
        (true, 0..=1) => Duration::MAX,
        (true, _) => PATIENCE,
    };
    // Whether the queue heeds a priority is found out, which takes one or two round trips.
    let heeds_priority = args.priority.is_some() && work.declare == Declare::Yes;
    Config {
        queues: Queues {
            work,
            upkeep: Upkeep::Ours,
            needed: match to {
                _ if heeds_priority => Needed::Type,
                Destination::Delay(_) => Needed::Existence,
                _ => Needed::Nothing,
            },
            // No dead letters are sent, so the type of their queue does not matter.
            queue_type: QueueType::Classic,
            retry_delays: Vec::new(),
        },
        window: Size {
            messages: usize::try_from(args.window.get()).unwrap_or(usize::MAX),
            bytes: WINDOW_BYTES,
        },
        backlog: args.max_backlog.map(|max| Backlog {
            max,
            timeout: args.backlog_timeout,
        }),
        confirm_timeout: Some(args.confirm_timeout),
        retry_for: match connector.retry_for {
            RetryFor::Forever => None,
            RetryFor::AtMost(limit) => Some(limit),
        },
        keep_channel,
        connect: Connect::Always,
    }
}
