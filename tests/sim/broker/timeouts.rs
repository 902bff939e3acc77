//! Deliveries that nobody settles.

use super::method::{ChannelId, ConnectionId, Settle};
use super::queue::Subscriber;
use super::timers::Due;
use super::{Broker, Kind, Series};
use std::time::Duration;

impl Broker {
    /// Makes sure that deliveries that nobody settles are noticed.
    pub(super) fn watch_consumers(&mut self) {
        if !self.watches {
            self.watches = true;
            let at = self.now + self.tick();
            self.timers.note(at, Due::LooksAtConsumers);
        }
    }

    /// How often deliveries are looked at. RabbitMQ's default is a minute.
    fn tick(&self) -> Duration {
        (self.settings.consumer_timeout / 3).min(Duration::from_secs(60))
    }

    /// Gives up consumers that have held a delivery for too long.
    pub(super) fn look_at_consumers(&mut self) {
        self.watches = false;
        let (limit, now) = (self.settings.consumer_timeout, self.now);
        let mut overdue = Vec::new();
        let mut any = false;
        for (id, connection) in &self.connections {
            for (number, channel) in &connection.channels {
                for (tag, held) in &channel.unsettled {
                    any = true;
                    if held.consumer.is_some() && held.since + limit <= now {
                        overdue.push((*id, *number, *tag, held.queue.clone()));
                    }
                }
            }
        }
        for (id, channel, tag, queue) in overdue {
            match (self.settings.series, self.kind_of(&queue)) {
                (Series::V4_3, Some(Kind::Quorum)) => self.take_away(id, channel, tag),
                (Series::V4_3, _) => {}
                (Series::V3_10 | Series::V4_0, _) => {
                    if self.channel(id, channel).is_some() {
                        let text = format!(
                            "PRECONDITION_FAILED - delivery acknowledgement on channel {channel} \
                             timed out. Timeout value used: {} ms. This timeout value can be \
                             configured, see consumers doc guide to learn more",
                            limit.as_millis()
                        );
                        self.refuse(id, channel, 406, text);
                    }
                }
            }
        }
        if any {
            self.watch_consumers();
        }
    }

    /// Takes a delivery away from its consumer, and cancels that.
    fn take_away(&mut self, id: ConnectionId, channel: ChannelId, tag: u64) {
        let Some(open) = self.channel(id, channel) else {
            return;
        };
        let Some(held) = open.unsettled.remove(&tag) else {
            return;
        };
        open.lapsed.insert(tag);
        self.release(id, channel, &held.queue, held.consumer);
        let queue = held.queue.clone();
        if let Some(consumer) = held.consumer {
            self.unsubscribe(id, channel, consumer, &queue);
            self.cancel_by_broker(Subscriber {
                connection: id,
                channel,
                consumer,
            });
        }
        // It does not count as a return.
        self.put_back(held, Some(Settle::Nack));
        self.hand_out(&queue);
    }
}
