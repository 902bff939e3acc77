//! Sends the tasks of an input: sets up the engine that publishes, and runs it.

use super::args::NewTaskArgs;
use super::ended::Ended;
use super::later::Later;
use super::pending::{Pending, TaskInput};
use super::reporter::Reporter;
use super::results::AwaitedResults;
use super::sender::Sender;
use super::set_up::results_queue;
use super::workers::Workers;
use crate::amqp::connector::{Connector, RetryFor};
use crate::base::fault::Fault;
use crate::base::signals::Handlers;
use crate::publisher::core::{
    Backlog, Config, Connect, Core, Needed, PATIENCE, Queues, Size, Upkeep,
};
use crate::publisher::{Driver, WINDOW_BYTES};
use crate::queues::{Declare, Destination, QueueType, ResultsName, ResultsQueue};
use crate::task::Template;
use std::time::{Duration, Instant};

/// Sends all tasks of `input`, and tells what happens. `put_off` are the signal handlers where they are
/// installed only if that takes longer.
pub(super) fn send(
    args: &NewTaskArgs,
    connector: &Connector,
    put_off: Option<&Handlers>,
    input: TaskInput,
    reporter: &mut Reporter<'_>,
) -> Ended {
    let now = Instant::now();
    let to = match args.delay {
        Some(delay) if !delay.is_zero() => Destination::Delay(delay),
        Some(_) | None => Destination::Work,
    };
    let config = config(args, connector, &to);
    let mut template = Template::new(&args.task_options());
    // Tasks that lie in a delay queue carry their own expiration.
    if let Some(after) = to.expiration(config.queues.work.declare) {
        template = template.with_expiration(after);
    }
    let mut core = Core::new(config, now);
    core.prepare(&to, now);
    let pending = Pending::new(input, template);
    let work = args.common.work_queue();
    let later = match later(args, connector, reporter) {
        Ok(later) => later,
        Err(fault) => return Ended::without_sending(pending, fault),
    };
    let mut sender = Sender {
        pending,
        to,
        results: AwaitedResults::new(own_results(args)),
        later,
        args,
        put_off,
        reporter,
        workers: Workers::default(),
        refused: Vec::new(),
    };
    let (core, ended) = Driver::new(connector.clone(), core, &mut sender).run();
    let later = sender.later.take();
    let noted = later.map_or(Ok(()), |later| later.end(connector, work.clone()));
    if sender.args.results.wait {
        sender.leave_results(connector, work, ended.as_ref().err());
    }
    sender.ended(core, ended.and(noted).err())
}

/// Begins with results that are collected later.
fn later(
    args: &NewTaskArgs,
    connector: &Connector,
    reporter: &Reporter<'_>,
) -> Result<Option<Later>, Fault> {
    let Some(name) = &args.results.results else {
        return Ok(None);
    };
    let queue = results_queue(args, name)?;
    let retrying = |fault: &Fault| reporter.warn(&format!("{fault}; retrying (--retry-for)"));
    Later::begin(connector, args.common.work_queue(), queue, retrying).map(Some)
}

/// The queue that keeps the results of this command, where one can be declared.
fn own_results(args: &NewTaskArgs) -> Option<ResultsQueue> {
    let may_declare = args.common.work_queue().declare == Declare::Yes;
    if !args.results.wait || !may_declare {
        return None;
    }
    results_queue(args, &ResultsName::unique()).ok()
}

fn config(args: &NewTaskArgs, connector: &Connector, to: &Destination) -> Config {
    let work = args.common.work_queue();
    let keep_channel = match (args.results.wait, connector.endpoints.len()) {
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
