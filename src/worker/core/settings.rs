//! What a worker is set to do.

use super::policy::{Ack, FailurePolicy};
use crate::amqp::Prefetch;
use crate::base::duration::duration;
use crate::cli::positive;
use crate::queues::{QueueName, ReplyPolicy};
use clap::Args;
use std::num::NonZeroU64;
use std::time::Duration;

/// What a worker works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The work queue.
    pub queue: QueueName,
    /// Where dead letters go.
    pub dead_letters: QueueName,
    /// Which addresses are answered.
    pub replies: ReplyPolicy,
    /// The name of this machine.
    pub host: String,
    /// Tasks at once: at least 1.
    pub slots: usize,
    /// Unsettled tasks that the broker delivers, at first.
    pub prefetch: Prefetch,
    /// Whether that stays.
    pub prefetching: Prefetching,
    /// When a task is acknowledged.
    pub ack: Ack,
    /// What becomes of failed tasks.
    pub policy: FailurePolicy,
    /// A task that came back this often without an outcome becomes a dead letter; 0: returns are not
    /// counted.
    pub max_redeliveries: u32,
    /// When it ends, and how.
    pub ending: EndSettings,
    /// How long before the end of a connection an acknowledgement may have been lost with it.
    pub unnoticed_loss: Duration,
}

/// How the number of unsettled tasks is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefetching {
    /// The user has set it.
    Fixed,
    /// It follows from what is measured (`--prefetch auto`).
    Auto,
    /// The same, by default: not on a queue where one consumer does all tasks in their order.
    AutoUnlessOrdered,
}

/// When a worker ends by itself, and how it stops.
#[derive(Args, Clone, Debug)]
pub struct EndSettings {
    /// Exit when the queue is empty and this worker has no running task and no pending retry
    #[arg(long)]
    pub exit_when_empty: bool,

    /// Exit after DUR without a task
    #[arg(value_parser = duration, long, value_name = "DUR")]
    pub idle_timeout: Option<Duration>,

    /// Exit after N tasks
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroU64>)]
    pub max_tasks: Option<NonZeroU64>,

    /// After the first signal, wait at most DUR for running tasks [default: no limit]
    #[arg(value_parser = duration, long, value_name = "DUR")]
    pub grace: Option<Duration>,

    /// `--kill-after`; `None` where the work is pretended and ends at once when it is told to.
    #[arg(skip)]
    pub kill_after: Option<Duration>,
}
