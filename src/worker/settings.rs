//! What a worker works with.

use super::child::Limits;
use super::outcome::FailurePolicy;
use crate::amqp::{Prefetch, Settlement, WhenCut};
use crate::cli::{Ack, LogFormat, OnFailure, WorkerArgs};
use crate::connection::Connector;
use crate::fault::Fault;
use crate::report::Report;
use crate::topology::{QueueName, WorkQueue};
use std::num::{NonZeroU16, NonZeroU64};
use std::time::Duration;

/// What a worker works with.
pub(super) struct Settings {
    pub(super) queue: WorkQueue,
    pub(super) connector: Connector,
    pub(super) concurrency: NonZeroU16,
    pub(super) prefetch: Prefetch,
    pub(super) ack: Ack,
    pub(super) dot: Duration,
    /// Whether a command does the work.
    pub(super) has_command: bool,
    pub(super) limits: Limits,
    pub(super) policy: FailurePolicy,
    /// 0: returns are not counted.
    pub(super) max_redeliveries: u32,
    pub(super) dead_letters: QueueName,
    pub(super) log_format: LogFormat,
    pub(super) exit_when_empty: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_tasks: Option<NonZeroU64>,
    pub(super) grace: Option<Duration>,
}

impl Settings {
    /// The settings that the command line asks for.
    pub(super) fn new(
        args: &WorkerArgs,
        when_cut: WhenCut,
        report: &Report,
    ) -> Result<Self, Fault> {
        let name = format!("worker {}", report.who());
        let queue = args.common.work_queue();
        let dead_letters = match &args.dead_letter_queue {
            Some(name) => name.clone(),
            None => queue.name.dead_letters()?,
        };
        Ok(Self {
            queue,
            connector: args.common.connector(name, args.retry_for(), when_cut)?,
            concurrency: args.concurrency,
            prefetch: args.prefetch(),
            ack: args.ack,
            dot: args.dot,
            has_command: !args.command.is_empty(),
            limits: Limits {
                timeout: args.timeout,
                kill_after: args.kill_after,
            },
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
            idle_timeout: args.idle_timeout,
            max_tasks: args.max_tasks,
            grace: args.grace,
        })
    }

    pub(super) fn settlement(&self) -> Settlement {
        match self.ack {
            Ack::After | Ack::Never => Settlement::ByUs,
            Ack::Auto => Settlement::ByTheBroker,
        }
    }

    /// How long a task may stay here unacknowledged: as long as all that are prefetched before it
    /// take, one after the other, and then its retry or dead letter. Without --timeout, a year
    /// stands for ever.
    pub(super) fn consumer_timeout(&self) -> Duration {
        /// RabbitMQ's own default for all of it.
        const MARGIN: Duration = Duration::from_secs(30 * 60);
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        let (Some(timeout), Prefetch::AtMost(prefetch)) = (self.limits.timeout, self.prefetch)
        else {
            return LONGEST;
        };
        let rounds = u32::from(prefetch.get().div_ceil(self.concurrency.get()));
        let each = timeout.saturating_add(self.limits.kill_after);
        each.saturating_mul(rounds)
            .saturating_add(MARGIN)
            .min(LONGEST)
    }

    /// Whether a task may become a dead letter.
    pub(super) fn may_bury(&self) -> bool {
        match self.policy.on_failure {
            OnFailure::Retry | OnFailure::DeadLetter => true,
            OnFailure::Requeue | OnFailure::Drop => self.max_redeliveries > 0,
        }
    }

    /// How long before the end of a connection an acknowledgement may have been lost with it: a
    /// silent broker is given up after two heartbeats, and timers are up to one late.
    pub(super) fn unnoticed_loss(&self) -> Duration {
        self.connector.options.heartbeat * 3
    }
}
