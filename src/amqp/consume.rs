//! Starts consumers.

use super::Link;
use super::channel::Channel;
use super::consuming::Consuming;
use super::delivery::AckMode;
use super::queue::QueueArguments;
use crate::base::fault::Fault;
use amiquip::ConsumerOptions;
use std::num::NonZeroU16;
use std::time::Duration;

/// The argument of a consumer that [`ConsumeOptions::timeout`] becomes.
const CONSUMER_TIMEOUT: &str = "x-consumer-timeout";

/// How many unacknowledged deliveries the broker hands to one consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefetch {
    /// All there are: round robin between the consumers, without regard to who is busy.
    Unlimited,
    /// At most this many: the next comes after an acknowledgement.
    AtMost(NonZeroU16),
}

/// How a consumer is started.
#[derive(Clone, Copy, Debug)]
pub struct ConsumeOptions {
    /// How many deliveries it may hold.
    pub prefetch: Prefetch,
    /// Who settles them.
    pub settlement: AckMode,
    /// How long each may stay unacknowledged (`x-consumer-timeout`). Only quorum queues of RabbitMQ
    /// 4.3 and later heed it; classic queues there refuse it with 406, older brokers ignore it.
    pub timeout: Option<Duration>,
}

impl Channel {
    /// Starts a consumer on `queue`.
    pub fn consume(
        &self,
        link: &Link,
        queue: &str,
        options: ConsumeOptions,
    ) -> Result<Consuming<'_>, Fault> {
        let ConsumeOptions {
            prefetch,
            settlement,
            timeout,
        } = options;
        let count = match prefetch {
            Prefetch::Unlimited => 0,
            Prefetch::AtMost(count) => count.get(),
        };
        let arguments = match timeout {
            Some(timeout) => QueueArguments::default().with_milliseconds(CONSUMER_TIMEOUT, timeout),
            None => QueueArguments::default(),
        };
        let options = ConsumerOptions {
            no_ack: settlement == AckMode::ByTheBroker,
            arguments: arguments.into_table(),
            ..ConsumerOptions::default()
        };
        // Per consumer and not `global`, which quorum queues do not know.
        self.request(|channel| channel.qos(0, count, false))?;
        let consumer = self.request(|channel| channel.basic_consume(queue, options))?;
        let consuming = Consuming::new(self, consumer, settlement, link.blocked.clone());
        Ok(match (prefetch, settlement) {
            (Prefetch::AtMost(count), AckMode::ByUs) => consuming.at_most(count),
            // RabbitMQ limits only deliveries that it wants to be acknowledged.
            (Prefetch::AtMost(_), AckMode::ByTheBroker) | (Prefetch::Unlimited, _) => consuming,
        })
    }
}
