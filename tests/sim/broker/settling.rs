//! How deliveries are settled, and what comes back.

use super::channel::Unsettled;
use super::declaring::no_queue;
use super::message::By;
use super::method::{ChannelId, ConnectionId, ConsumerTag, Reply, Settle};
use super::queue::Subscriber;
use super::{Broker, Series};

impl Broker {
    /// A consumer may be handed one more.
    pub(super) fn release(
        &mut self,
        connection: ConnectionId,
        channel: ChannelId,
        queue: &str,
        consumer: Option<ConsumerTag>,
    ) {
        let Some(consumer) = consumer else {
            return;
        };
        if let Some(open) = self.channel(connection, channel) {
            open.release(consumer);
        }
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.has_room_again(Subscriber {
                connection,
                channel,
                consumer,
            });
        }
    }

    pub(super) fn get(&mut self, id: ConnectionId, channel: ChannelId, name: &str) {
        let (series, since) = (self.settings.series, self.now);
        let Some(queue) = self.queues.get_mut(name) else {
            let (code, text) = no_queue(name);
            return self.refuse(id, channel, code, text);
        };
        let kind = queue.kind;
        let Some(message) = queue.pop() else {
            return self.say(id, channel, Reply::Got(None));
        };
        let task = message.delivered(series, kind, By::Get);
        let redelivered = message.redelivered;
        let held = Unsettled {
            queue: name.to_owned(),
            consumer: None,
            message,
            since,
        };
        if let Some(open) = self.channel(id, channel) {
            let tag = open.next_tag();
            open.unsettled.insert(tag, held);
            self.say(id, channel, Reply::Got(Some((tag, redelivered, task))));
        }
    }

    pub(super) fn settle(
        &mut self,
        id: ConnectionId,
        channel: ChannelId,
        tag: u64,
        multiple: bool,
        how: Settle,
    ) {
        let Some(open) = self.channel(id, channel) else {
            return;
        };
        let Some(taken) = open.take(tag, multiple) else {
            if open.lapsed.remove(&tag) {
                // It was taken away from its consumer, and its settlement comes too late.
                return;
            }
            let text = format!("PRECONDITION_FAILED - unknown delivery tag {tag}");
            return self.refuse(id, channel, 406, text);
        };
        let mut touched: Vec<String> = Vec::new();
        for held in taken {
            self.release(id, channel, &held.queue, held.consumer);
            if !touched.contains(&held.queue) {
                touched.push(held.queue.clone());
            }
            if how == Settle::Ack {
                let now = self.now;
                if let Some(queue) = self.queues.get_mut(&held.queue) {
                    queue.settle(held.message, now);
                }
            } else {
                let (queue, consumer) = (held.queue.clone(), held.consumer);
                let is_dropped = self.put_back(held, Some(how));
                if is_dropped && self.settings.series == Series::V3_10 {
                    // It counts that twice: the consumer is handed one more than its prefetch.
                    self.release(id, channel, &queue, consumer);
                }
            }
        }
        for queue in touched {
            self.hand_out(&queue);
        }
    }

    /// Puts a delivery back into its queue. Whether it was dropped, since it came back too often.
    pub(super) fn put_back(&mut self, held: Unsettled, how: Option<Settle>) -> bool {
        self.puts += 1;
        let (number, series) = (self.puts, self.settings.series);
        let queue = self.queues.get_mut(&held.queue);
        let dropped = queue.and_then(|queue| queue.put_back(held.message, how, number, series));
        let is_dropped = dropped.is_some();
        self.dropped.extend(dropped.map(|message| message.task));
        is_dropped
    }
}
