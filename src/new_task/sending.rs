//! Sends the tasks of an input: sets up the engine that publishes, and runs it.

use super::event::Tell;
use super::options::{Priority, SendOptions};
use super::pending::{Pending, TaskInput};
use super::results::AwaitedResults;
use super::sender::{Ended, Sender};
use crate::amqp::connector::{Connector, RetryFor};
use crate::publisher::core::{
    Config, Connect, Core, Destination, Needed, PATIENCE, Queues, Size, Upkeep,
};
use crate::publisher::{self, Driver, FRAME_MAX, WINDOW_BYTES};
use crate::queues::{Auxiliary, QueueType, WorkQueue};
use crate::task::Template;
use std::time::{Duration, Instant};

/// Sends all tasks of `input`, made after `template`, and tells what happens.
pub fn send<'a>(
    connector: Connector,
    queue: WorkQueue,
    options: &SendOptions,
    input: TaskInput,
    template: Template,
    tell: &'a mut Tell<'a>,
) -> Ended {
    let now = Instant::now();
    let to = match options.delay {
        Some(delay) => Destination::Delay(delay.length()),
        None => Destination::Work,
    };
    let config = config(&connector, &queue, options);
    let mut core = Core::new(config, now);
    core.prepare(&to, now);
    let mut sender = Sender {
        pending: Pending::new(input, expiring(template, &to, &queue)),
        to,
        queue: queue.clone(),
        results: AwaitedResults::default(),
        options: options.clone(),
        tell,
        refused: Vec::new(),
    };
    // No dead letters are sent, so the type of their queue does not matter.
    let driver = Driver::new(connector, queue, QueueType::Classic, core, &mut sender);
    let driver = driver
        .with_results(options.results)
        .with_patience(options.confirm_timeout);
    let (core, ended) = driver.run();
    sender.ended(core, ended.err())
}

/// Tasks that lie in a delay queue carry their own expiration (see [`Auxiliary::expiration`]).
fn expiring(template: Template, to: &Destination, queue: &WorkQueue) -> Template {
    let expiration = match to {
        Destination::Delay(delay) => Auxiliary::Delay(*delay).expiration(queue.declare),
        Destination::Work | Destination::Dead(_) | Destination::Reply(_) => None,
    };
    match expiration {
        Some(after) => template.with_expiration(after),
        None => template,
    }
}

fn config(connector: &Connector, queue: &WorkQueue, options: &SendOptions) -> Config {
    let keep_channel = match (options.results, connector.endpoints.len()) {
        (publisher::Results::No, _) => Duration::ZERO,
        // Another channel helps where a queue's leader has died, which takes a cluster.
        (publisher::Results::Wanted(_), 0..=1) => Duration::MAX,
        (publisher::Results::Wanted(_), _) => PATIENCE,
    };
    Config {
        queues: Queues {
            work: queue.clone(),
            upkeep: Upkeep::Ours,
            needed: match (options.delay, options.priority) {
                (_, Priority::Given) => Needed::Type,
                (Some(_), Priority::None) => Needed::Existence,
                (None, Priority::None) => Needed::Nothing,
            },
            queue_type: QueueType::Classic,
            retry_delays: Vec::new(),
        },
        window: Size {
            messages: options.window.get(),
            bytes: WINDOW_BYTES,
        },
        frame_max: FRAME_MAX,
        backlog: options.backlog,
        confirm_timeout: Some(options.confirm_timeout),
        retry_for: match connector.retry_for {
            RetryFor::Forever => None,
            RetryFor::AtMost(limit) => Some(limit),
        },
        keep_channel,
        connect: Connect::Always,
    }
}
