//! `worker`'s command line.

use super::admin_task::AdminArgs;
use super::core::policy::{Ack, FailurePolicy};
use super::core::{EndSettings, Prefetching};
use super::host::{HostLimits, concurrency};
use super::process::{TimeLimits, runs_body_as_code};
use super::sections::USAGE;
use crate::amqp::Prefetch;
use crate::amqp::connector::RetryFor;
use crate::base::duration::duration;
use crate::cli::{CommandLine, Common};
use crate::http::ListenAddress;
use crate::queues::QueueName;
use clap::{Parser, ValueHint};
use std::ffi::OsString;
use std::num::NonZeroU16;
use std::time::Duration;

/// Take tasks from a durable queue, one at a time, and run a command for each
///
/// The next task comes only after the last one is done and acknowledged, so busy workers are spared
/// and idle ones are used. Only short tasks are taken ahead, see --prefetch. COMMAND
/// runs without a shell. The task's body is on its stdin and replaces every `{}` in its arguments.
/// Without COMMAND, the worker only pretends to work: one second for each dot in the body.
#[derive(Debug, Parser)]
#[command(
    name = "worker",
    version,
    max_term_width = 100,
    override_usage = USAGE
)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct WorkerArgs {
    /// Command to run for each task, with its arguments; exit code 0 means done
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,

    /// Let `{}` stand in a shell's `-c` script: the shell runs the task's body as code
    #[arg(long, requires = "command")]
    pub body_as_code: bool,

    /// Run up to N tasks at once; also `100%` of the CPUs, `-1`: one less, `+1`: one more than CPUs
    #[arg(short = 'j', long, value_name = "N", value_parser = concurrency, default_value = "1", allow_hyphen_values = true)]
    pub concurrency: NonZeroU16,

    /// Take up to N unacknowledged tasks from the broker, or `auto`; 0: no limit [default: `auto` with
    /// COMMAND, else as --concurrency]
    ///
    /// `auto` measures how long tasks run and how far the broker is. While tasks are short, it takes ahead
    /// what runs in about 40 ms (160 ms if results are sent) and a round trip, so that nothing waits for the
    /// broker. Once a task runs for more than a second, what was taken ahead goes back to the end of the queue
    /// for other workers; a worker that is alone keeps it. `-p 1` (with `-j 4`: `-p 4`) takes none ahead. With
    /// 0, the broker deals tasks out in turn, to busy workers too.
    #[arg(short, long, value_name = "N", value_parser = prefetch)]
    prefetch: Option<PrefetchOption>,

    /// When to acknowledge a task
    #[arg(long, value_name = "WHEN", default_value = "after")]
    pub ack: Ack,

    /// Without COMMAND: pretend to work for DUR per dot
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "1s")]
    pub dot: Duration,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub limits: TimeLimits,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub policy: FailurePolicy,

    /// Dead-letter a task returned N times (its workers died or gave it back); 0: never
    #[arg(
        long,
        value_name = "N",
        default_value = "20",
        help_heading = "Failures"
    )]
    pub max_redeliveries: u32,

    /// Put dead letters in queue NAME [default: QUEUE.dead]
    #[arg(long, value_name = "NAME", help_heading = "Failures")]
    pub dead_letter_queue: Option<QueueName>,

    /// Also send results to queue NAME when a task asks for it; may be repeated
    #[arg(long = "reply-to", value_name = "NAME")]
    pub reply_to: Vec<QueueName>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub ending: EndSettings,

    /// Serve metrics for Prometheus, and probes, at ADDR: `IP:PORT`, or the path of a Unix socket
    ///
    /// The paths are /metrics, /livez and /readyz. ADDR is as in `127.0.0.1:9090`, `[::1]:0` (the
    /// system chooses the port) or `/run/worker.sock`. Whoever can connect to it may read.
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["status", "list_dead", "replay_dead", "drop_dead"], help_heading = "Monitoring")]
    pub metrics: Option<ListenAddress>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub host: HostLimits,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub admin: AdminArgs,

    /// Keep trying for DUR, or `forever`, while the broker cannot be reached [default: forever]
    ///
    /// With the options of Administration the default is 10s.
    #[arg(long, value_name = "DUR", help_heading = "Broker")]
    retry_for: Option<RetryFor>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: Common,
}

/// `--prefetch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PrefetchOption {
    Auto,
    Count(u16),
}

fn prefetch(text: &str) -> Result<PrefetchOption, String> {
    if text == "auto" {
        return Ok(PrefetchOption::Auto);
    }
    let count = text.parse().map(PrefetchOption::Count);
    count.map_err(|_| "it must be a number up to 65535, or `auto`".to_owned())
}

impl CommandLine for WorkerArgs {
    fn common(&self) -> &Common {
        &self.common
    }

    fn mistake(&self, given: &[OsString]) -> Option<String> {
        if self.command.is_empty() && given.last().is_some_and(|last| last == "--") {
            let text = "no COMMAND behind `--`; to pretend to work, leave `--` out";
            return Some(text.to_owned());
        }
        if let Some(text) = self.admin.mistake(given) {
            return Some(text);
        }
        if self.prefetching() == Prefetching::Auto && self.ack != Ack::After {
            let text = "--prefetch auto works only with --ack after";
            return Some(text.to_owned());
        }
        (!self.body_as_code && runs_body_as_code(&self.command)).then(|| {
            "`{}` in a shell's script would run the task's body as code; pass it as an argument, \
             as in: sh -c 'convert \"$1\"' sh {} (or allow it by --body-as-code)"
                .to_owned()
        })
    }

    fn runs_commands(&self) -> bool {
        !self.command.is_empty() && self.admin.task().is_none()
    }
}

impl WorkerArgs {
    /// How long to keep trying while the broker cannot be reached.
    #[must_use]
    pub fn retry_for(&self) -> RetryFor {
        const A_MOMENT: Duration = Duration::from_secs(10);
        match self.retry_for {
            Some(retry_for) => retry_for,
            None if self.admin.task().is_some() => RetryFor::AtMost(A_MOMENT),
            None => RetryFor::Forever,
        }
    }

    /// How many unacknowledged tasks the broker hands out. Where nothing is ever acknowledged, a
    /// limit would end the lesson after the first task.
    #[must_use]
    pub fn prefetch(&self) -> Prefetch {
        match (self.prefetch, self.ack) {
            (None, Ack::Never) => Prefetch::Unlimited,
            (None | Some(PrefetchOption::Auto), _) => Prefetch::AtMost(self.concurrency),
            (Some(PrefetchOption::Count(count)), _) => {
                NonZeroU16::new(count).map_or(Prefetch::Unlimited, Prefetch::AtMost)
            }
        }
    }

    /// Whether that number follows what is measured.
    #[must_use]
    pub fn prefetching(&self) -> Prefetching {
        match self.prefetch {
            Some(PrefetchOption::Auto) => Prefetching::Auto,
            None if self.runs_commands() && self.ack == Ack::After => {
                Prefetching::AutoUnlessOrdered
            }
            Some(PrefetchOption::Count(_)) | None => Prefetching::Fixed,
        }
    }
}
