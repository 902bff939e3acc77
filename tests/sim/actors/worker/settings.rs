//! What both cores of a worker are set up with.

use super::super::command::FATAL;
use super::super::sender::work_queue;
use super::WorkerPlan;
use std::num::NonZeroU16;
use std::time::Duration;
use work_queue::amqp::Prefetch;
use work_queue::publisher::core::{Config, Connect, Needed, Queues, Size, Upkeep};
use work_queue::queues::{QueueType, ReplyPolicy};
use work_queue::worker::core::policy::{Ack, FailurePolicy};
use work_queue::worker::core::{EndSettings, Settings};

pub fn settings(plan: &WorkerPlan, queue: &str) -> Settings {
    let queue = work_queue(queue, None).name;
    let prefetch = NonZeroU16::new(plan.prefetch);
    Settings {
        dead_letters: queue.dead_letters().unwrap(),
        replies: ReplyPolicy::new(&queue, Vec::new()),
        queue,
        host: "host".to_owned(),
        slots: plan.slots,
        prefetch: prefetch.map_or(Prefetch::Unlimited, Prefetch::AtMost),
        prefetching: plan.prefetching,
        ack: Ack::After,
        policy: FailurePolicy {
            on_failure: plan.on_failure,
            retries: plan.retries,
            backoff: plan.backoff,
            backoff_max: Duration::from_secs(20),
            fatal_exit: vec![FATAL],
        },
        max_redeliveries: plan.max_redeliveries,
        ending: EndSettings {
            exit_when_empty: plan.exit_when_empty,
            idle_timeout: None,
            max_tasks: None,
            grace: None,
            kill_after: Some(Duration::from_secs(5)),
        },
        unnoticed_loss: Duration::from_secs(40),
    }
}

pub fn config(plan: &WorkerPlan, queue: &str, ladder: Vec<Duration>) -> Config {
    Config {
        queues: Queues {
            work: work_queue(queue, plan.queue_type),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: plan.queue_type.unwrap_or(QueueType::Classic),
            retry_delays: ladder,
        },
        window: Size {
            messages: 100,
            bytes: 8 << 20,
        },
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: Connect::WhenNeeded,
    }
}
