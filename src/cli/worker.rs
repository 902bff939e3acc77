//! `worker`'s command line.

use super::Common;
use crate::amqp::Prefetch;
use crate::connection::RetryFor;
use clap::{Parser, ValueEnum};
use std::num::{NonZeroU16, NonZeroU64};

/// When a task is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// After the work
    After,
    /// By the broker, on sending it: a killed worker loses tasks
    Auto,
    /// Not at all: tasks come back when the worker ends, and the broker's memory grows
    Never,
}

/// Take tasks from a durable queue and do them, one at a time
///
/// The next task comes only after the last one was done and acknowledged, so busy workers are
/// spared and idle ones are used. Without a command the worker pretends to work: one second for
/// each dot in the task's body.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
pub struct WorkerArgs {
    /// Tasks at once
    #[arg(short = 'j', long, value_name = "N", default_value = "1")]
    pub concurrency: NonZeroU16,

    /// Unacknowledged tasks that the broker hands to this worker; 0: no limit, which is plain
    /// round robin [default: as many as --concurrency]
    #[arg(short, long, value_name = "N")]
    prefetch: Option<u16>,

    /// When a task is acknowledged
    #[arg(long, value_name = "WHEN", default_value = "after")]
    pub ack: Ack,

    /// How long one dot of pretended work takes
    #[arg(long, value_name = "DUR", default_value = "1s")]
    pub dot: humantime::Duration,

    /// End once the queue is empty and nothing runs here
    #[arg(long)]
    pub exit_when_empty: bool,

    /// End after so long without a task
    #[arg(long, value_name = "DUR")]
    pub idle_timeout: Option<humantime::Duration>,

    /// End after so many tasks
    #[arg(long, value_name = "N")]
    pub max_tasks: Option<NonZeroU64>,

    /// After the first signal, wait at most so long for running tasks [default: no limit]
    #[arg(long, value_name = "DUR")]
    pub grace: Option<humantime::Duration>,

    /// Show how many tasks wait and how many workers there are, then end
    #[arg(long)]
    pub status: bool,

    /// How long to keep trying while the broker cannot be reached, or `forever`
    #[arg(
        long,
        value_name = "DUR",
        default_value = "forever",
        help_heading = "Broker"
    )]
    pub retry_for: RetryFor,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: Common,
}

impl WorkerArgs {
    /// How many unacknowledged tasks the broker hands out. Where nothing is ever acknowledged, a
    /// limit would end the lesson after the first task.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        match (self.prefetch, self.ack) {
            (None, Ack::Never) => Prefetch::Unlimited,
            (None, Ack::After | Ack::Auto) => Prefetch::AtMost(self.concurrency),
            (Some(count), _) => {
                NonZeroU16::new(count).map_or(Prefetch::Unlimited, Prefetch::AtMost)
            }
        }
    }
}
