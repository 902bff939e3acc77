//! `worker`'s command line.

use super::core::policy::{Ack, OnFailure};
use crate::amqp::Prefetch;
use crate::amqp::connector::RetryFor;
use crate::base::duration::duration;
use crate::cli::{Common, positive};
use crate::queues::QueueName;
use clap::Parser;
use std::ffi::OsString;
use std::num::{NonZeroU16, NonZeroU64};
use std::time::Duration;

/// Take tasks from a durable queue and do them, one at a time
///
/// The next task comes only after the last one was done and acknowledged, so busy workers are
/// spared and idle ones are used. Each task runs COMMAND, without a shell: the body is on its
/// stdin, and in place of every `{}` in ARGS. Without a command the worker pretends to work: one
/// second for each dot in the task's body.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct WorkerArgs {
    /// The command to run for each task, and its arguments. Exit code 0: the task is done
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// Tasks at once
    #[arg(short = 'j', long, value_name = "N", value_parser = positive::<NonZeroU16>, default_value = "1")]
    pub concurrency: NonZeroU16,

    /// Unacknowledged tasks that the broker hands to this worker; 0: no limit, which is plain
    /// round robin [default: as many as --concurrency]
    #[arg(short, long, value_name = "N")]
    prefetch: Option<u16>,

    /// When a task is acknowledged
    #[arg(long, value_name = "WHEN", default_value = "after")]
    pub ack: Ack,

    /// How long one dot of pretended work takes
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "1s")]
    pub dot: Duration,

    /// Send TERM to the command's process group after so long, which is a failure
    #[arg(
        value_parser = duration,
        long,
        value_name = "DUR",
        requires = "command",
        help_heading = "Failures"
    )]
    pub timeout: Option<Duration>,

    /// Send KILL so long after TERM
    #[arg(
        value_parser = duration,
        long,
        value_name = "DUR",
        default_value = "5s",
        help_heading = "Failures"
    )]
    pub kill_after: Duration,

    /// What becomes of a task whose command has failed
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "retry",
        help_heading = "Failures"
    )]
    pub on_failure: OnFailure,

    /// How often a task is tried again
    #[arg(long, value_name = "N", default_value = "3", help_heading = "Failures")]
    pub retries: u32,

    /// The pause before the first retry; it doubles with each
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = pause, help_heading = "Failures")]
    pub backoff: Duration,

    /// The longest pause before a retry
    #[arg(long, value_name = "DUR", default_value = "5m", value_parser = pause, help_heading = "Failures")]
    pub backoff_max: Duration,

    /// Exit codes after which trying again is no use: dead letter
    #[arg(
        long,
        value_name = "CODE",
        value_delimiter = ',',
        help_heading = "Failures"
    )]
    pub fatal_exit: Vec<u8>,

    /// A task that came back so often without an outcome, because its worker died, becomes a dead
    /// letter; 0: never
    #[arg(
        long,
        value_name = "N",
        default_value = "20",
        help_heading = "Failures"
    )]
    pub max_redeliveries: u32,

    /// Where dead letters go [default: QUEUE.dead]
    #[arg(long, value_name = "NAME", help_heading = "Failures")]
    pub dead_letter_queue: Option<QueueName>,

    /// Show the dead letters with their reasons, then end
    #[arg(long, conflicts_with_all = ["command", "status", "replay_dead"], help_heading = "Failures")]
    pub list_dead: bool,

    /// Send the dead letters to the queue anew, then end
    #[arg(long, conflicts_with_all = ["command", "status"], help_heading = "Failures")]
    pub replay_dead: bool,

    /// With these two: only the dead letter of the task with this id
    #[arg(long, value_name = "ID", help_heading = "Failures")]
    pub id: Option<String>,

    /// End once the queue is empty, nothing runs here, and no retry of this worker's is to come
    #[arg(long)]
    pub exit_when_empty: bool,

    /// End after so long without a task
    #[arg(value_parser = duration, long, value_name = "DUR")]
    pub idle_timeout: Option<Duration>,

    /// End after so many tasks
    #[arg(long, value_name = "N", value_parser = positive::<NonZeroU64>)]
    pub max_tasks: Option<NonZeroU64>,

    /// After the first signal, wait at most so long for running tasks [default: no limit]
    #[arg(value_parser = duration, long, value_name = "DUR")]
    pub grace: Option<Duration>,

    /// Show how many tasks wait and how many workers there are, then end
    #[arg(long)]
    pub status: bool,

    /// How long to keep trying while the broker cannot be reached, or `forever` [default: forever;
    /// 10s where it only looks]
    #[arg(long, value_name = "DUR", help_heading = "Broker")]
    retry_for: Option<RetryFor>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: Common,
}

/// A pause that the broker can measure: whole milliseconds, and at most what `x-message-ttl` and
/// `x-expires` can express (2^32 - 1 ms; the queue lives a little longer than its tasks).
fn pause(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(1)..=Duration::from_secs(20 * 24 * 60 * 60);
    match humantime::parse_duration(text) {
        Ok(duration) if range.contains(&duration) => Ok(duration),
        Ok(_) => Err("it must be between 1ms and 20 days".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl WorkerArgs {
    /// Whether nothing is worked at, only looked at.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        self.status || self.list_dead || self.replay_dead
    }

    /// How long to keep trying while the broker cannot be reached.
    #[must_use]
    pub fn retry_for(&self) -> RetryFor {
        const A_MOMENT: Duration = Duration::from_secs(10);
        match self.retry_for {
            Some(retry_for) => retry_for,
            None if self.only_looks() => RetryFor::AtMost(A_MOMENT),
            None => RetryFor::Forever,
        }
    }

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
