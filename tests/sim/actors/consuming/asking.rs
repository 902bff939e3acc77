//! What a worker asks of the broker: to consume, to stop that, and what its queues hold.

use super::super::side::{RPC_LIMIT, typed};
use super::{Consumer, Consuming, Step};
use crate::broker::Time;
use crate::broker::declaration::{Answer, Arguments, Declaration, Wish};
use crate::broker::method::{ChannelId, ConnectionId, ConsumerTag, Request, Settlement};
use crate::world::World;
use std::collections::VecDeque;
use work_queue::amqp::Prefetch;
use work_queue::worker::core::ConsumeOn as Channel;

/// A count of what the queues hold.
pub struct Counting {
    /// The delay queues that are still to be asked for.
    pub delays: VecDeque<String>,
    /// The channel on which a delay queue is asked for; none: it is the work queue's turn.
    pub channel: Option<ChannelId>,
    pub delayed: u64,
    pub deadline: Time,
}

impl Consuming {
    /// Starts a consumer.
    pub fn consume(&mut self, world: &mut World, on: Channel, prefetch: Prefetch) {
        self.prefetch = match prefetch {
            Prefetch::AtMost(most) => most.get(),
            Prefetch::Unlimited => 0,
        };
        let Some(wire) = self.wire else { return };
        let deadline = world.now + RPC_LIMIT;
        let tag = self
            .consumer
            .as_ref()
            .map_or(1, |consumer| consumer.tag + 1);
        match (on, &self.consumer) {
            (Channel::Same, Some(consumer)) => {
                let channel = consumer.channel;
                self.consumer = Some(Consumer {
                    channel,
                    tag,
                    step: Step::Starting,
                    deadline,
                });
                self.start(world, wire, channel, tag);
            }
            (Channel::New | Channel::Same, _) => {
                self.consumer = Some(Consumer {
                    channel: 0,
                    tag,
                    step: Step::Declaring(None),
                    deadline,
                });
                self.declare(world, wire, None);
            }
        }
    }

    pub(super) fn declare(&mut self, world: &mut World, wire: ConnectionId, found: Option<String>) {
        let channel = self.channels.next();
        let wish = match found.as_deref() {
            Some("") => Wish::Passive,
            Some(found) => Wish::Durable(typed(Some(found))),
            None => match self.work_type {
                Some(kind) => Wish::Durable(typed(Some(kind))),
                None => Wish::Durable(Arguments::default()),
            },
        };
        if let Some(consumer) = &mut self.consumer {
            consumer.channel = channel;
            consumer.step = Step::Declaring(found);
        }
        let declaration = Declaration {
            queue: self.queue.clone(),
            wish,
            answer: Answer::Wanted,
        };
        world.send(wire, channel, Request::Open);
        world.send(wire, channel, Request::Declare(declaration));
    }

    pub(super) fn start(
        &self,
        world: &mut World,
        wire: ConnectionId,
        channel: ChannelId,
        consumer: ConsumerTag,
    ) {
        world.send(wire, channel, Request::Prefetch(self.prefetch));
        let consume = Request::Consume {
            queue: self.queue.clone(),
            consumer,
            settlement: Settlement::ByTheClient,
        };
        world.send(wire, channel, consume);
    }

    pub fn cancel(&mut self, world: &mut World) {
        if let (Some(wire), Some(consumer)) = (self.wire, &mut self.consumer) {
            consumer.step = Step::Cancelling;
            consumer.deadline = world.now + RPC_LIMIT;
            world.send(wire, consumer.channel, Request::Cancel(consumer.tag));
        }
    }

    /// Asks what the queues hold.
    pub fn count(&mut self, world: &mut World, delays: Vec<String>) {
        self.counting = Some(Counting {
            delays: delays.into(),
            channel: None,
            delayed: 0,
            deadline: world.now + RPC_LIMIT,
        });
        self.ask_next(world);
    }

    /// Asks for a delay queue on a channel of its own, which closes where there is none; at last for
    /// the work queue.
    pub(super) fn ask_next(&mut self, world: &mut World) {
        let (Some(wire), Some(consumer), Some(counting)) =
            (self.wire, &self.consumer, &mut self.counting)
        else {
            return;
        };
        let (channel, queue) = if let Some(queue) = counting.delays.pop_front() {
            let channel = self.channels.next();
            world.send(wire, channel, Request::Open);
            counting.channel = Some(channel);
            (channel, queue)
        } else {
            counting.channel = None;
            (consumer.channel, self.queue.clone())
        };
        let declaration = Declaration {
            queue,
            wish: Wish::Passive,
            answer: Answer::Wanted,
        };
        world.send(wire, channel, Request::Declare(declaration));
    }
}
