//! A channel: declaring, publishing and acknowledging.

use super::acks::{AckFrame, AckOrder};
use super::confirms::Confirms;
use super::consuming::{AckToken, ConsumeOptions, Consuming, Delivery, Prefetch, Settlement};
use super::properties::DIRECT_REPLY_TO;
use super::watchdog::{ArmWhenDropped, DisarmWhenDropped, Guard, Watchdog};
use super::{CLOSE_LIMIT, Link, Properties, RPC_LIMIT, errors};
use crate::fault::Fault;
use amiquip::{AmqpValue, ConsumerOptions, FieldTable, Publish, QueueDeclareOptions};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The argument of a consumer that [`ConsumeOptions::timeout`] becomes.
pub(super) const CONSUMER_TIMEOUT: &str = "x-consumer-timeout";

/// Numbers the channels of this process, so that a delivery tag is never used on another one.
static NEXT_EPOCH: AtomicU64 = AtomicU64::new(0);

/// An open channel. Dropping it closes it, which waits for the broker's answer, so the watchdog
/// is armed meanwhile: fields are dropped in the order in which they stand.
pub struct Channel {
    _arm: ArmWhenDropped,
    inner: amiquip::Channel,
    _disarm: DisarmWhenDropped,
    watchdog: Arc<Watchdog>,
    /// How long a request may take; `None`: somebody else sees to it.
    limit: Option<Duration>,
    epoch: u64,
    /// How many deliveries have been settled.
    settled: Cell<u64>,
    /// What is to be settled; bodies and properties are taken out.
    order: RefCell<AckOrder<amiquip::Delivery>>,
}

/// The optional arguments of a queue's declaration, by their names on the wire.
#[derive(Clone, Debug, Default)]
pub struct QueueArguments(FieldTable);

/// What the broker says of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Messages that are ready for delivery.
    pub ready: u32,
    /// Consumers at the moment.
    pub consumers: u32,
}

impl QueueArguments {
    /// Adds a string argument.
    #[must_use]
    pub fn with_text(mut self, name: &str, value: &str) -> Self {
        let value = AmqpValue::LongString(value.to_owned());
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Adds a whole number.
    #[must_use]
    pub fn with_number(mut self, name: &str, value: i64) -> Self {
        let value = AmqpValue::LongLongInt(value);
        self.0.insert(name.to_owned(), value);
        self
    }
}

impl Channel {
    pub(super) fn new(inner: amiquip::Channel, watchdog: Arc<Watchdog>) -> Self {
        Self {
            _arm: ArmWhenDropped(Arc::clone(&watchdog), CLOSE_LIMIT),
            inner,
            _disarm: DisarmWhenDropped(Arc::clone(&watchdog)),
            watchdog,
            limit: Some(RPC_LIMIT),
            epoch: NEXT_EPOCH.fetch_add(1, Ordering::Relaxed),
            settled: Cell::new(0),
            order: RefCell::default(),
        }
    }

    /// Takes in what came over this channel.
    pub(super) fn received(
        &self,
        mut delivery: amiquip::Delivery,
        settlement: Settlement,
    ) -> Delivery {
        let received = Delivery::take(&mut delivery, self.epoch);
        if settlement == Settlement::ByUs {
            let tag = delivery.delivery_tag();
            self.order.borrow_mut().delivered(tag, delivery);
        }
        received
    }

    /// The same, on which requests are watched: one that takes too long ends the connection.
    #[must_use]
    pub fn watched(self) -> Self {
        let limit = Some(RPC_LIMIT);
        Self { limit, ..self }
    }

    /// The same, whose requests another thread makes: the watch on a connection is for one call at
    /// a time. Whoever waits for the answer gives the connection up if none comes.
    #[must_use]
    pub fn unwatched(self) -> Self {
        let limit = None;
        Self { limit, ..self }
    }

    /// The number that its deliveries' tokens bear.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a delivery is still to be settled.
    #[must_use]
    pub fn has_unsettled(&self) -> bool {
        !self.order.borrow().is_empty()
    }

    /// How many deliveries have been settled on this channel.
    pub(super) fn settled(&self) -> u64 {
        self.settled.get()
    }

    /// Ends the connection: the peer does not keep to what was agreed.
    pub(super) fn give_up(&self) {
        self.watchdog.give_up();
    }

    /// Runs a request that waits for its answer.
    pub(super) fn request<T>(
        &self,
        call: impl FnOnce(&amiquip::Channel) -> amiquip::Result<T>,
    ) -> Result<T, Fault> {
        let _guard = self.limit.map(|limit| self.watchdog.guard(limit));
        call(&self.inner).map_err(|error| errors::translate(&error))
    }

    /// Declares a durable queue and waits for the answer.
    pub fn declare(&self, queue: &str, arguments: &QueueArguments) -> Result<Declared, Fault> {
        self.request(|channel| {
            let queue = channel.queue_declare(queue, durable(arguments))?;
            Ok(declared(&queue))
        })
    }

    /// Declares a durable queue without waiting. A refusal closes the channel: the next thing
    /// that waits on it fails, and [`Channel::why_closed`] tells why.
    pub fn declare_nowait(&self, queue: &str, arguments: &QueueArguments) -> Result<(), Fault> {
        let declared = self
            .inner
            .queue_declare_nowait(queue, durable(arguments))
            .map(drop);
        declared.map_err(|error| errors::translate(&error))
    }

    /// Asks for the state of a queue that exists.
    pub fn inspect(&self, queue: &str) -> Result<Declared, Fault> {
        self.request(|channel| Ok(declared(&channel.queue_declare_passive(queue)?)))
    }

    /// Switches publisher confirms on, without waiting for the answer.
    pub fn confirms(&self, link: &Link) -> Result<Confirms, Fault> {
        let listen = || {
            let confirms = self.inner.listen_for_publisher_confirms()?;
            let returns = self.inner.listen_for_returns()?;
            self.inner.enable_publisher_confirms_nowait()?;
            let blocked = link.blocked().clone();
            Ok(Confirms::new(confirms, returns, blocked, link.take_noted()))
        };
        listen().map_err(|error| errors::translate(&error))
    }

    /// Publishes to `queue` through the default exchange, `mandatory`: what no queue takes comes
    /// back. Returns as soon as the message is handed over for sending, which takes time only where
    /// tens of megabytes are unsent: `limit` at most.
    pub fn publish(
        &self,
        queue: &str,
        properties: &Properties,
        body: &[u8],
        limit: Duration,
    ) -> Result<(), Fault> {
        self.burst(limit).publish(queue, properties.clone(), body)
    }

    /// For several publishes, during which something must leave every `limit`.
    #[must_use]
    pub fn burst(&self, limit: Duration) -> Burst<'_> {
        Burst {
            channel: &self.inner,
            _guard: self.watchdog.guard_sending(limit),
        }
    }

    /// Starts a consumer of the answers to what is published on this channel with
    /// [`Properties::with_answer_wanted`].
    pub fn consume_answers(&self, link: &Link) -> Result<Consuming<'_>, Fault> {
        let options = ConsumeOptions {
            prefetch: Prefetch::Unlimited,
            settlement: Settlement::ByTheBroker,
            timeout: None,
        };
        self.consume(link, DIRECT_REPLY_TO, options)
    }

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
            Some(timeout) => {
                QueueArguments::default().with_number(CONSUMER_TIMEOUT, milliseconds(timeout))
            }
            None => QueueArguments::default(),
        };
        let options = ConsumerOptions {
            no_ack: settlement == Settlement::ByTheBroker,
            arguments: arguments.0,
            ..ConsumerOptions::default()
        };
        let _guard = self.watchdog.guard(RPC_LIMIT);
        let consumer = self
            .inner
            // Per consumer and not `global`, which quorum queues do not know.
            .qos(0, count, false)
            .and_then(|()| self.inner.basic_consume(queue, options))
            .map_err(|error| errors::translate(&error))?;
        let consuming = Consuming::new(self, consumer, settlement, link.blocked().clone());
        Ok(match (prefetch, settlement) {
            (Prefetch::AtMost(count), Settlement::ByUs) => consuming.at_most(count),
            // RabbitMQ limits only deliveries that it wants to be acknowledged.
            (Prefetch::AtMost(_), Settlement::ByTheBroker) | (Prefetch::Unlimited, _) => consuming,
        })
    }

    /// Takes one message from `queue`, if there is one.
    pub fn get(&self, queue: &str) -> Result<Option<Delivery>, Fault> {
        let got = self.request(|channel| channel.basic_get(queue, false))?;
        Ok(got.map(|got| self.received(got.delivery, Settlement::ByUs)))
    }

    /// Acknowledges a delivery: the broker forgets it.
    pub fn ack(&self, token: AckToken) -> Result<(), Fault> {
        self.ack_all([token])
    }

    /// Acknowledges deliveries, with as few frames as may be. What is settled already, or came over
    /// another channel, is left alone. An error means that none of them may be taken for
    /// acknowledged.
    pub fn ack_all(&self, tokens: impl IntoIterator<Item = AckToken>) -> Result<(), Fault> {
        let own = tokens
            .into_iter()
            .filter(|token| token.channel == self.epoch);
        let tags = own.map(|token| token.tag).collect();
        let acknowledged = self.order.borrow_mut().acknowledge(tags);
        self.settled
            .set(self.settled.get() + acknowledged.count as u64);
        let _guard = self.limit.map(|limit| self.watchdog.guard(limit));
        for AckFrame { delivery, multiple } in acknowledged.frames {
            let acked = if multiple {
                delivery.ack_multiple(&self.inner)
            } else {
                delivery.ack(&self.inner)
            };
            acked.map_err(|error| errors::translate(&error))?;
        }
        Ok(())
    }

    /// Gives a delivery back: the broker hands it out again, marked as redelivered.
    pub fn requeue(&self, token: AckToken) -> Result<(), Fault> {
        if token.channel != self.epoch {
            return Ok(());
        }
        let Some(delivery) = self.order.borrow_mut().settle(token.tag) else {
            return Ok(());
        };
        self.settled.set(self.settled.get() + 1);
        let _guard = self.limit.map(|limit| self.watchdog.guard(limit));
        let returned = delivery.nack(&self.inner, true);
        returned.map_err(|error| errors::translate(&error))
    }

    /// Closes the channel and tells why the broker had closed it, if it had.
    #[must_use]
    pub fn why_closed(self) -> Option<Fault> {
        let _guard = self.watchdog.guard(CLOSE_LIMIT);
        let closed = self.inner.close();
        closed.err().map(|error| errors::translate(&error))
    }
}

/// Publishes under one watch.
pub struct Burst<'a> {
    channel: &'a amiquip::Channel,
    _guard: Guard<'a>,
}

impl Burst<'_> {
    /// As [`Channel::publish`].
    pub fn publish(
        &mut self,
        queue: &str,
        properties: Properties,
        body: &[u8],
    ) -> Result<(), Fault> {
        let publish = Publish {
            body,
            routing_key: queue.to_owned(),
            mandatory: true,
            immediate: false,
            properties: properties.into_inner(),
        };
        self.channel
            .basic_publish("", publish)
            .map_err(|error| errors::translate(&error))
    }
}

/// As AMQP's whole numbers.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn durable(arguments: &QueueArguments) -> QueueDeclareOptions {
    QueueDeclareOptions {
        durable: true,
        arguments: arguments.0.clone(),
        ..QueueDeclareOptions::default()
    }
}

fn declared(queue: &amiquip::Queue<'_>) -> Declared {
    Declared {
        ready: queue.declared_message_count().unwrap_or_default(),
        consumers: queue.declared_consumer_count().unwrap_or_default(),
    }
}
