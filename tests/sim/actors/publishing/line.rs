//! The connection that is published on.

use super::Results;
use crate::broker::Time;
use crate::broker::declaration::{Answer, Declaration, Wish};
use crate::broker::method::{ChannelId, ConnectionId, ConsumerTag, Publish, Request, Settlement};
use crate::world::World;
use std::rc::Rc;
use work_queue::task::Task;

/// The connection.
#[derive(Default)]
pub struct Line {
    pub wire: Option<ConnectionId>,
    /// Tries to connect so far in a row.
    pub tries: u32,
    /// Channels opened so far.
    pub channels: ChannelId,
    /// The one that is published on.
    pub publishing: Option<ChannelId>,
    /// Since when it has been asked for.
    pub opening: Option<Time>,
    /// The queue that the next channel looks for as it opens.
    pub looks_for: Option<String>,
    /// Whose queue is asked for on it.
    pub checking: Option<String>,
    pub written: u64,
    /// When bytes were last seen to leave.
    pub left_at: Time,
    /// What a sabotage holds back, and until when.
    pub withheld: Vec<Publish>,
    pub withheld_until: Time,
}

impl Line {
    /// What a sabotage has held back goes out.
    pub fn release(&mut self, world: &mut World) {
        let (Some(wire), Some(channel)) = (self.wire, self.publishing) else {
            return;
        };
        if world.now >= self.withheld_until {
            for publish in self.withheld.drain(..) {
                world.send(wire, channel, Request::Publish(publish));
            }
        }
    }

    pub fn open(&mut self, world: &mut World, results: Results) {
        let Some(wire) = self.wire else { return };
        if let Some(left) = self.publishing {
            world.send(wire, left, Request::Close);
        }
        self.channels += 1;
        let channel = self.channels;
        self.publishing = Some(channel);
        self.opening = Some(world.now);
        self.checking = None;
        world.send(wire, channel, Request::Open);
        if let Some(queue) = self.looks_for.take() {
            let look = passive(&queue, Answer::Unwanted);
            world.send(wire, channel, Request::Declare(look));
        }
        world.send(wire, channel, Request::Confirms(Answer::Unwanted));
        if results == Results::Wanted {
            const RESULTS: ConsumerTag = 0;
            let consume = Request::Consume {
                queue: "amq.rabbitmq.reply-to".to_owned(),
                consumer: RESULTS,
                settlement: Settlement::ByTheBroker,
            };
            world.send(wire, channel, consume);
        }
    }

    pub fn declare_blindly(
        &mut self,
        world: &mut World,
        wire: ConnectionId,
        queue: &str,
        wish: Wish,
    ) {
        let Some(channel) = self.publishing else {
            return;
        };
        let declaration = Declaration {
            queue: queue.to_owned(),
            wish,
            answer: Answer::Unwanted,
        };
        world.send(wire, channel, Request::Declare(declaration));
    }

    pub fn publish(&mut self, world: &mut World, queue: &str, task: Rc<Task>) {
        let (Some(wire), Some(channel)) = (self.wire, self.publishing) else {
            return;
        };
        let publish = Publish {
            to: queue.to_owned(),
            mandatory: true,
            task,
        };
        if world.now < self.withheld_until {
            self.withheld.push(publish);
            return;
        }
        world.send(wire, channel, Request::Publish(publish));
    }
}

pub fn passive(queue: &str, answer: Answer) -> Declaration {
    Declaration {
        queue: queue.to_owned(),
        wish: Wish::Passive,
        answer,
    }
}
