//! A channel: declaring, publishing and acknowledging.

use super::acks::{AckFrame, AckOrder};
use super::delivery::{AckMode, AckToken, Delivery};
use super::gate::{Closed, Gate};
use super::queue::{Declared, QueueArguments, declared, durable};
use super::watchdog::{ArmWhenDropped, DisarmWhenDropped, Guard, Watchdog};
use super::{CLOSE_LIMIT, Properties, RPC_LIMIT};
use crate::base::fault::Fault;
use amiquip::{
    ExchangeDeclareOptions, ExchangeType, Publish, QueueDeclareOptions, QueueDeleteOptions,
};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Numbers the channels of this process, so that a delivery tag is never used on another one.
static NEXT_EPOCH: AtomicU64 = AtomicU64::new(0);

/// An open channel. Dropping it closes it, which waits for the broker's answer, so the watchdog
/// is armed meanwhile: fields are dropped in their order of declaration.
pub struct Channel {
    _arm: ArmWhenDropped,
    inner: amiquip::Channel,
    _disarm: DisarmWhenDropped,
    watchdog: Arc<Watchdog>,
    /// How long a request may take; `None`: somebody else sees to it.
    limit: Option<Duration>,
    epoch: u64,
    /// What leaves the connection passes it.
    pub(super) gate: Arc<Gate>,
    /// How many deliveries have been settled.
    settled: Cell<u64>,
    /// What is to be settled; bodies and properties are taken out.
    order: RefCell<AckOrder<amiquip::Delivery>>,
}

impl Channel {
    pub(super) fn new(inner: amiquip::Channel, watchdog: Arc<Watchdog>, gate: Arc<Gate>) -> Self {
        Self {
            _arm: ArmWhenDropped(Arc::clone(&watchdog), CLOSE_LIMIT),
            inner,
            _disarm: DisarmWhenDropped(Arc::clone(&watchdog)),
            watchdog,
            limit: Some(RPC_LIMIT),
            gate,
            epoch: NEXT_EPOCH.fetch_add(1, Ordering::Relaxed),
            settled: Cell::new(0),
            order: RefCell::default(),
        }
    }

    /// Takes in what came over this channel.
    pub(super) fn received(
        &self,
        mut delivery: amiquip::Delivery,
        settlement: AckMode,
    ) -> Delivery {
        let received = Delivery::take(&mut delivery, self.epoch);
        if settlement == AckMode::ByUs {
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
    /// a time. The thread that waits for the answer gives the connection up if none comes.
    #[must_use]
    pub fn unwatched(self) -> Self {
        let limit = None;
        Self { limit, ..self }
    }

    /// Its number, which is also in its deliveries' tokens.
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

    /// The client library's channel.
    pub(super) fn client(&self) -> &amiquip::Channel {
        &self.inner
    }

    /// Runs a request that waits for its answer.
    pub(super) fn request<'a, T>(
        &'a self,
        call: impl FnOnce(&'a amiquip::Channel) -> amiquip::Result<T>,
    ) -> Result<T, Fault> {
        let _guard = self.limit.map(|limit| self.watchdog.guard(limit));
        self.gate.open();
        Ok(call(&self.inner)?)
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
        self.inner.queue_declare_nowait(queue, durable(arguments))?;
        Ok(())
    }

    /// Declares a durable exchange and deletes it again, in one round trip. It is internal: an
    /// exchange of that name that somebody publishes to is not internal, so that the broker refuses
    /// the declaration and keeps the exchange.
    pub fn declare_and_delete_exchange(&self, name: &str) -> Result<(), Fault> {
        self.request(|channel| {
            channel
                .exchange_declare_nowait(ExchangeType::Direct, name, internal_exchange())?
                .delete(true)
        })
    }

    /// Declares a durable exchange and deletes it again, without waiting. A refusal closes the channel.
    pub fn declare_and_delete_exchange_nowait(&self, name: &str) -> Result<(), Fault> {
        let channel = &self.inner;
        let exchange =
            channel.exchange_declare_nowait(ExchangeType::Direct, name, internal_exchange())?;
        exchange.delete_nowait(true)?;
        Ok(())
    }

    /// Declares a queue that this connection alone may use, and that goes with it. RabbitMQ refuses one
    /// that another connection has (405).
    pub fn declare_exclusive(&self, queue: &str) -> Result<(), Fault> {
        let options = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        self.request(|channel| channel.queue_declare(queue, options))?;
        Ok(())
    }

    /// Deletes a queue without waiting.
    pub fn delete_nowait(&self, queue: &str) -> Result<(), Fault> {
        let options = QueueDeleteOptions::default();
        Ok(self.inner.queue_delete_nowait(queue, options)?)
    }

    /// Deletes a queue, unless somebody consumes from it.
    pub fn delete_unused(&self, queue: &str) -> Result<(), Fault> {
        let options = QueueDeleteOptions {
            if_unused: true,
            ..QueueDeleteOptions::default()
        };
        self.request(|channel| channel.queue_delete(queue, options))?;
        Ok(())
    }

    /// Asks for the state of a queue that exists.
    pub fn inspect(&self, queue: &str) -> Result<Declared, Fault> {
        self.request(|channel| Ok(declared(&channel.queue_declare_passive(queue)?)))
    }

    /// Guards several publishes: within each `limit` some bytes must leave. They leave together.
    #[must_use]
    pub fn burst(&self, limit: Duration) -> Burst<'_> {
        Burst {
            channel: &self.inner,
            gate: &self.gate,
            closed: None,
            count: 0,
            _guard: self.watchdog.guard_leaving(limit),
        }
    }

    /// Takes one message from `queue`, if there is one.
    pub fn get(&self, queue: &str) -> Result<Option<Delivery>, Fault> {
        let got = self.request(|channel| channel.basic_get(queue, false))?;
        Ok(got.map(|got| self.received(got.delivery, AckMode::ByUs)))
    }

    /// Acknowledges a delivery: the broker forgets it.
    pub fn ack(&self, token: AckToken) -> Result<(), Fault> {
        self.ack_all([token])
    }

    /// Acknowledges deliveries, with as few frames as possible. What is settled, or came over
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
        let _guard = self.limit.map(|limit| self.watchdog.guard_sending(limit));
        for AckFrame { delivery, multiple } in acknowledged.frames {
            if multiple {
                delivery.ack_multiple(&self.inner)?;
            } else {
                delivery.ack(&self.inner)?;
            }
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
        let _guard = self.limit.map(|limit| self.watchdog.guard_sending(limit));
        Ok(delivery.nack(&self.inner, true)?)
    }

    /// Closes the channel and tells why the broker had closed it, if it had.
    #[must_use]
    pub fn why_closed(self) -> Option<Fault> {
        let _guard = self.watchdog.guard(CLOSE_LIMIT);
        self.inner.close().err().map(Fault::from)
    }
}

fn internal_exchange() -> ExchangeDeclareOptions {
    ExchangeDeclareOptions {
        durable: true,
        internal: true,
        ..ExchangeDeclareOptions::default()
    }
}

/// How many messages leave together: their frames, mostly three each, must have room on the way to the thread
/// that sends them, which waits meanwhile.
const TOGETHER: usize = 32;

/// Publishes under one watch.
pub struct Burst<'a> {
    channel: &'a amiquip::Channel,
    gate: &'a Gate,
    closed: Option<Closed<'a>>,
    count: usize,
    _guard: Guard<'a>,
}

impl Burst<'_> {
    /// Publishes to `queue` through the default exchange, `mandatory`: what no queue takes comes
    /// back. Returns as soon as the message is handed over for sending, which takes time only where
    /// tens of megabytes are unsent.
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
        if self.count % TOGETHER == 0 {
            // What was handed over before may leave.
            drop(self.closed.take());
            self.closed = Some(self.gate.close());
        }
        self.count += 1;
        Ok(self.channel.basic_publish("", publish)?)
    }
}
