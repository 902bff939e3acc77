//! What a worker works with.

use super::args::WorkerArgs;
use super::core::policy::{Ack, OnFailure};
use super::core::{self, EndSettings};
use super::process::TimeLimits;
use crate::amqp::connector::Connector;
use crate::amqp::{AckMode, ConsumeOptions, Prefetch, Series};
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::{Fault, Kind};
use crate::management::{Address, Management};
use crate::output::Report;
use crate::queues::{QueueType, ReplyPolicy, WorkQueue};
use std::time::Duration;

/// Since this series, only quorum queues have an acknowledgement time-out, and a consumer can set it.
pub(super) const FIRST_WITH_CONSUMER_TIMEOUT: Series = (4, 3);

/// What a worker works with.
pub(super) struct WorkerSettings {
    pub(super) queue: WorkQueue,
    pub(super) connector: Connector,
    /// Asked for the status alone.
    pub(super) management: Option<Management>,
    /// Whether a command does the work.
    pub(super) has_command: bool,
    pub(super) limits: TimeLimits,
    /// What decisions depend on.
    pub(super) core: core::Settings,
}

impl WorkerSettings {
    /// The settings that the command line asks for.
    pub(super) fn new(
        args: &WorkerArgs,
        when_cancelled: WhenCancelled,
        report: &Report,
    ) -> Result<Self, Fault> {
        let name = format!("worker {}", report.who());
        let queue = args.common.work_queue();
        let address = args.admin.management()?;
        let also = address.as_ref().map(Address::scheme);
        let connector = args
            .common
            .connector(name, args.retry_for(), when_cancelled, also)?;
        let management = address
            .zip(connector.endpoints.first())
            .map(|(address, endpoint)| Management::new(&address, endpoint, &connector.options))
            .transpose()?;
        let has_command = !args.command.is_empty();
        let dead_letters = match &args.dead_letter_queue {
            Some(name) => name.clone(),
            None => queue.name.dead_letters()?,
        };
        if dead_letters == queue.name {
            let text = "--dead-letter-queue names the work queue itself: a task that fails would \
                        come back for ever; name another queue";
            return Err(Fault::new(Kind::SetUp, text));
        }
        let core = core::Settings {
            queue: queue.name.clone(),
            dead_letters,
            replies: ReplyPolicy::new(&queue.name, args.reply_to.clone()),
            host: report.host().to_owned(),
            slots: usize::from(args.concurrency.get()),
            prefetch: args.prefetch(),
            prefetching: args.prefetching(),
            ack: args.ack,
            policy: args.policy.clone(),
            // What only pretends to work kills no worker.
            max_redeliveries: if has_command {
                args.max_redeliveries
            } else {
                0
            },
            ending: EndSettings {
                kill_after: has_command.then_some(args.limits.kill_after),
                ..args.ending.clone()
            },
            // A silent broker is given up after two heartbeats, and timers are up to one late.
            unnoticed_loss: connector.options.heartbeat * 3,
        };
        Ok(Self {
            queue,
            connector,
            management,
            has_command,
            limits: args.limits,
            core,
        })
    }

    /// How a consumer with this prefetch is started, on a queue of this type.
    pub(super) fn consume_options(
        &self,
        prefetch: Prefetch,
        series: Series,
        queue_type: Option<QueueType>,
    ) -> ConsumeOptions {
        let heeds_timeout = series >= FIRST_WITH_CONSUMER_TIMEOUT
            && queue_type != Some(QueueType::Classic)
            && self.core.ack != Ack::Auto;
        ConsumeOptions {
            prefetch,
            settlement: match self.core.ack {
                Ack::After | Ack::Never => AckMode::ByUs,
                Ack::Auto => AckMode::ByTheBroker,
            },
            timeout: heeds_timeout.then(|| self.consumer_timeout(prefetch)),
        }
    }

    /// How long a task may stay here unacknowledged: as long as all that are prefetched before it
    /// take, one after the other, and then its retry or dead letter. Without --timeout, a year
    /// stands for ever.
    fn consumer_timeout(&self, prefetch: Prefetch) -> Duration {
        /// RabbitMQ's own default for all of it.
        const MARGIN: Duration = Duration::from_secs(30 * 60);
        const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        let (Some(timeout), Prefetch::AtMost(prefetch)) = (self.limits.timeout, prefetch) else {
            return LONGEST;
        };
        let rounds = usize::from(prefetch.get()).div_ceil(self.core.slots);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        let each = timeout.saturating_add(self.limits.kill_after);
        each.saturating_mul(rounds)
            .saturating_add(MARGIN)
            .min(LONGEST)
    }

    /// Whether a task may become a dead letter.
    pub(super) fn may_dead_letter(&self) -> bool {
        match self.core.policy.on_failure {
            OnFailure::Retry | OnFailure::DeadLetter => true,
            OnFailure::Requeue | OnFailure::Drop => {
                self.core.max_redeliveries > 0 || !self.core.policy.fatal_exit.is_empty()
            }
        }
    }
}
