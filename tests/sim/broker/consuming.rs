//! Consumers: who is handed what.

use super::channel::{Consumer, Unsettled};
use super::declaring::{home_down, no_queue};
use super::message::{By, Message};
use super::method::{ChannelId, ConnectionId, ConsumerTag, Reply, Settlement};
use super::publishing::LEADER_TIMEOUT;
use super::queue::{State, Subscriber};
use super::timers::Due;
use super::{Broker, Kind};
use std::time::Duration;

/// Where answers to what is published on a channel are consumed.
pub const DIRECT_REPLY_TO: &str = "amq.rabbitmq.reply-to";

impl Broker {
    pub(super) fn consume(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        queue: &str,
        consumer: ConsumerTag,
        settlement: Settlement,
    ) {
        if queue == DIRECT_REPLY_TO {
            if let Some(channel) = self.channel(id, channel) {
                channel.direct = Some(consumer);
            }
            self.say(id, channel, Reply::Consuming(consumer));
            return;
        }
        let state = self.queues.get(queue).map(|queue| queue.state);
        let refusal = match state {
            None => no_queue(queue),
            Some(State::NodeDown) => home_down(queue),
            Some(State::Dead) => {
                self.pause(id, channel, Due::Fails(id), LEADER_TIMEOUT);
                return;
            }
            Some(State::Running | State::Electing) => {
                self.subscribe(id, channel, queue, consumer, settlement);
                return;
            }
        };
        self.refuse(id, channel, refusal.0, refusal.1);
    }

    fn subscribe(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        queue: &str,
        consumer: ConsumerTag,
        settlement: Settlement,
    ) {
        self.say(id, channel, Reply::Consuming(consumer));
        let Some(open) = self.channel(id, channel) else {
            return;
        };
        let state = Consumer {
            queue: queue.to_owned(),
            prefetch: open.prefetch,
            settlement,
            held: 0,
        };
        open.consumers.insert(consumer, state);
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.consumers.push_back(Subscriber {
                connection: id,
                channel,
                consumer,
            });
        }
        self.hand_out(queue);
    }

    pub(super) fn cancel(&mut self, id: ConnectionId, channel: ChannelId, consumer: ConsumerTag) {
        let open = self.channel(id, channel);
        let cancelled = open.and_then(|open| open.consumers.remove(&consumer));
        if let Some(cancelled) = cancelled {
            self.unsubscribe(id, channel, consumer, &cancelled.queue);
        }
        self.say(id, channel, Reply::CancelOk(consumer));
    }

    pub(super) fn unsubscribe(
        &mut self,
        connection: ConnectionId,
        channel: ChannelId,
        consumer: ConsumerTag,
        queue: &str,
    ) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.unsubscribe(Subscriber {
                connection,
                channel,
                consumer,
            });
        }
    }

    /// The broker ends a consumer. What it holds stays with its channel.
    pub(super) fn cancel_by_broker(&mut self, subscriber: Subscriber) {
        let Subscriber {
            connection,
            channel,
            consumer,
        } = subscriber;
        self.send_mail(connection, channel);
        let open = self.channel(connection, channel);
        if open.is_some_and(|open| open.consumers.remove(&consumer).is_some()) {
            self.say(connection, channel, Reply::Cancelled(consumer));
        }
    }

    /// Hands out what is ready to consumers with room, each in its turn.
    pub(super) fn hand_out(&mut self, name: &str) {
        while let Some(subscriber) = self.next_subscriber(name) {
            let Some(queue) = self.queues.get_mut(name) else {
                return;
            };
            let (kind, Some(message)) = (queue.kind, queue.pop()) else {
                return;
            };
            self.deliver(name, kind, message, subscriber);
        }
    }

    fn deliver(&mut self, name: &str, kind: Kind, message: Message, subscriber: Subscriber) {
        let task = message.delivered(self.settings.series, kind, By::Delivery);
        let (redelivered, serial) = (message.redelivered, message.serial);
        let since = self.now;
        let Subscriber {
            connection,
            channel,
            consumer,
        } = subscriber;
        let Some(open) = self.channel(connection, channel) else {
            return;
        };
        let tag = open.next_tag();
        let held = Unsettled {
            queue: name.to_owned(),
            consumer: Some(consumer),
            message,
            since,
        };
        let Some(state) = open.consumers.get_mut(&consumer) else {
            return;
        };
        if state.settlement == Settlement::ByTheClient {
            state.held += 1;
            open.unsettled.insert(tag, held);
            self.watch_consumers();
        }
        let delivered = Reply::Delivered {
            consumer,
            tag,
            redelivered,
            task,
            serial,
        };
        self.mail(connection, channel, delivered);
    }

    /// Hands a delivery to a channel, which sends it in a moment.
    fn mail(&mut self, id: ConnectionId, channel: ChannelId, delivered: Reply) {
        let later = Duration::from_micros(500);
        let is_busy = self.random.chance(20);
        let Some(open) = self.channel(id, channel) else {
            return;
        };
        if is_busy || !open.mailbox.is_empty() {
            open.mailbox.push(delivered);
            self.timers.note(self.now + later, Due::Sends(id, channel));
        } else {
            self.say(id, channel, delivered);
        }
    }

    pub(super) fn send_mail(&mut self, id: ConnectionId, channel: ChannelId) {
        let open = self.channel(id, channel);
        let mail = open.map(|open| std::mem::take(&mut open.mailbox));
        for delivered in mail.unwrap_or_default() {
            self.say(id, channel, delivered);
        }
    }

    /// Who is handed the next message, if there is one.
    fn next_subscriber(&mut self, name: &str) -> Option<Subscriber> {
        let Self {
            queues,
            connections,
            random,
            ..
        } = self;
        let queue = queues.get_mut(name)?;
        if queue.state != State::Running || queue.ready.is_empty() {
            return None;
        }
        if queue.consumers.len() > 1 {
            // Whose turn it is differs between types and series, and nothing may rest on it.
            let first = random.index(queue.consumers.len());
            queue.consumers.rotate_left(first);
        }
        while let Some(subscriber) = queue.consumers.pop_front() {
            let channels = &connections.get(&subscriber.connection)?.channels;
            let open = channels.get(&subscriber.channel)?;
            if open.consumers.get(&subscriber.consumer)?.has_room() {
                queue.consumers.push_back(subscriber);
                return Some(subscriber);
            }
            queue.without_room.push(subscriber);
        }
        None
    }
}
