//! A running consumer: deliveries come in, and its end is told.

use super::RPC_LIMIT;
use super::channel::Channel;
use super::delivery::{AckMode, Delivery};
use crate::base::fault::{Fault, Kind};
use amiquip::{ConnectionBlockedNotification, Consumer, ConsumerMessage};
use crossbeam_channel::{Receiver, RecvTimeoutError, never, select};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// What [`Consuming::wait`] waited for.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all events are deliveries"
)]
pub enum ConsumerEvent<T> {
    /// A message was delivered.
    Delivery(Delivery),
    /// Something came in on the other channel.
    Inbox(T),
    /// The broker ended the consumer, as when the queue is deleted. The channel lives on.
    Cancelled,
    /// The channel or the connection is gone.
    Ended(Fault),
    /// Nothing came within the limit.
    Timeout,
}

/// A running consumer on a channel.
pub struct Consuming<'a> {
    channel: &'a Channel,
    consumer: Consumer<'a>,
    /// The same receiver, or one that is never ready once the consumer has ended.
    messages: Receiver<ConsumerMessage>,
    settlement: AckMode,
    link: Receiver<ConnectionBlockedNotification>,
    /// How many deliveries may have come, and be unsettled, at once.
    most: u64,
    /// How many have been taken from the receiver.
    delivered: u64,
    /// We have cancelled it. If not, amiquip does when the consumer is dropped, without a watchdog.
    cancelled: bool,
}

impl<'a> Consuming<'a> {
    pub(super) fn new(
        channel: &'a Channel,
        consumer: Consumer<'a>,
        settlement: AckMode,
        link: Receiver<ConnectionBlockedNotification>,
    ) -> Self {
        Self {
            channel,
            messages: consumer.receiver().clone(),
            consumer,
            settlement,
            link,
            most: u64::MAX,
            delivered: channel.settled(),
            cancelled: false,
        }
    }

    /// Holds the broker to this prefetch: what comes beyond it would fill the memory.
    pub(super) fn at_most(mut self, prefetch: NonZeroU16) -> Self {
        // What an earlier consumer of the channel was handed does not count for the broker. The
        // receiver holds one message more that is no delivery, at its end.
        self.most = 2 * u64::from(prefetch.get()) + 1;
        self
    }

    /// The channel that the consumer runs on.
    #[must_use]
    pub fn channel(&self) -> &'a Channel {
        self.channel
    }

    /// Who settles its deliveries.
    pub(super) fn settlement(&self) -> AckMode {
        self.settlement
    }

    /// Where its messages come in.
    pub(super) fn messages(&self) -> &Receiver<ConsumerMessage> {
        &self.messages
    }

    /// Waits up to `limit` for a delivery, the end, or something in `inbox`.
    pub fn wait<T>(&mut self, inbox: &Receiver<T>, limit: Duration) -> ConsumerEvent<T> {
        loop {
            select! {
                recv(self.messages) -> message => return self.translate(message.ok()),
                recv(inbox) -> item => return item.map_or(ConsumerEvent::Timeout, ConsumerEvent::Inbox),
                recv(self.link) -> news => {
                    // News that publishing is blocked does not concern a consumer; the end does.
                    if news.is_err() && self.messages.is_empty() {
                        return ConsumerEvent::Ended(gone());
                    }
                }
                default(limit) => return ConsumerEvent::Timeout,
            }
        }
    }

    /// A delivery that is here already.
    pub fn try_delivery<T>(&mut self) -> Option<ConsumerEvent<T>> {
        let message = self.messages.try_recv().ok()?;
        Some(self.translate(Some(message)))
    }

    /// Ends the consumer and returns what had been delivered meanwhile. The channel lives on, so
    /// that running tasks can still be acknowledged.
    pub fn cancel(&mut self) -> Result<Vec<Delivery>, Fault> {
        if self.cancelled {
            return Ok(Vec::new());
        }
        self.cancelled = true;
        // amiquip sends `basic.cancel` and drops its end of the receiver after the answer; until
        // the receiver is drained to that point, dropping the consumer races with it.
        let cancelled = self.channel.request(|_| self.consumer.cancel());
        let deadline = Instant::now() + RPC_LIMIT;
        let mut left = Vec::new();
        loop {
            match self.consumer.receiver().recv_deadline(deadline) {
                Ok(ConsumerMessage::Delivery(delivery)) => {
                    left.push(self.delivery(delivery));
                    if self.is_too_much() {
                        self.channel.give_up();
                        break;
                    }
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.end();
        cancelled.map(|()| left)
    }

    fn translate<T>(&mut self, message: Option<ConsumerMessage>) -> ConsumerEvent<T> {
        match message {
            Some(ConsumerMessage::Delivery(delivery)) => {
                let delivery = self.delivery(delivery);
                if self.is_too_much() {
                    self.channel.give_up();
                    self.cancelled = true;
                    self.end();
                    return ConsumerEvent::Ended(Fault::new(Kind::Unreachable, TOO_MUCH));
                }
                ConsumerEvent::Delivery(delivery)
            }
            Some(ConsumerMessage::ServerCancelled) => {
                self.end();
                ConsumerEvent::Cancelled
            }
            Some(
                ConsumerMessage::ServerClosedChannel(error)
                | ConsumerMessage::ServerClosedConnection(error),
            ) => {
                self.end();
                ConsumerEvent::Ended(error.into())
            }
            None
            | Some(
                ConsumerMessage::ClientCancelled
                | ConsumerMessage::ClientClosedChannel
                | ConsumerMessage::ClientClosedConnection,
            ) => {
                self.end();
                ConsumerEvent::Ended(gone())
            }
        }
    }

    fn is_too_much(&self) -> bool {
        let waiting = self.consumer.receiver().len() as u64;
        (self.delivered + waiting).saturating_sub(self.channel.settled()) > self.most
    }

    fn delivery(&mut self, delivery: amiquip::Delivery) -> Delivery {
        self.delivered += 1;
        self.channel.received(delivery, self.settlement)
    }

    fn end(&mut self) {
        self.messages = never();
    }
}

impl Drop for Consuming<'_> {
    fn drop(&mut self) {
        // What was delivered and not settled goes back when the channel closes.
        let _ = self.cancel();
    }
}

/// Not [`Kind::Lost`]: it was we who ended the connection, and this is why.
const TOO_MUCH: &str =
    "the broker sent far more tasks than --prefetch allows; the connection was closed";

fn gone() -> Fault {
    amiquip::Error::EventLoopDropped.into()
}
