//! What the broker says, and what the core must know of it.

use super::super::channel_fault;
use super::{Consuming, Step};
use crate::broker::method::{ChannelId, ConnectionId, Reply, Request};
use crate::sabotage::Sabotage;
use crate::world::{Rest, World};
use std::sync::Arc;
use work_queue::amqp::AckToken;
use work_queue::base::refusal::Mismatch;
use work_queue::task::Task;
use work_queue::worker::core::{Counts, Delivery, Input};

impl Consuming {
    pub(super) fn heard(
        &mut self,
        world: &mut World,
        wire: ConnectionId,
        channel: ChannelId,
        reply: Reply,
    ) -> Option<Input> {
        match reply {
            Reply::ConnectionClosed { .. } => Some(self.lost(Some(&reply))),
            Reply::ChannelClosed { code, text } => self.closed(world, wire, channel, code, text),
            Reply::Delivered {
                tag,
                redelivered,
                task,
                serial,
                ..
            } => {
                let epoch = self.channels.open.get(&channel)?;
                let token = AckToken {
                    channel: *epoch,
                    tag,
                };
                self.channels.unsettled.insert(token);
                if world.sabotage == Some(Sabotage::LosesDeliveries) && world.random.chance(5) {
                    return None;
                }
                let mut task = (*task).clone();
                if world.sabotage == Some(Sabotage::TakesEqualForSame) {
                    task = with_id_of_its_body(task);
                }
                let delivery = Delivery::new(task, redelivered, token);
                self.taken.retain(|(task, _)| Arc::strong_count(task) > 1);
                self.taken.push((Arc::clone(&delivery.task), serial));
                Some(Input::Delivery(delivery))
            }
            Reply::Declared { ready, consumers } => {
                self.declared(world, wire, channel, [ready, consumers])
            }
            Reply::Consuming(tag) => {
                let consumer = self.consumer.as_mut().filter(|found| found.tag == tag)?;
                consumer.step = Step::Running;
                Some(Input::Consuming)
            }
            Reply::CancelOk(tag) => {
                let consumer = self.consumer.as_mut().filter(|found| found.tag == tag)?;
                consumer.step = Step::Running;
                Some(Input::ConsumerStopped)
            }
            Reply::Cancelled(_) if world.sabotage == Some(Sabotage::MissesCancellation) => None,
            Reply::Cancelled(tag) => {
                let consumer = self.consumer.as_mut().filter(|found| found.tag == tag)?;
                let was = std::mem::replace(&mut consumer.step, Step::Running);
                self.counting = None;
                Some(match was {
                    // The answer to our own cancel will come all the same.
                    Step::Cancelling => {
                        consumer.step = was;
                        return None;
                    }
                    _ => Input::ConsumerCancelled("the broker ended the consumer".to_owned()),
                })
            }
            _ => None,
        }
    }

    fn declared(
        &mut self,
        world: &mut World,
        wire: ConnectionId,
        channel: ChannelId,
        [ready, consumers]: [u64; 2],
    ) -> Option<Input> {
        let consumer = self.consumer.as_mut()?;
        if consumer.channel == channel && matches!(consumer.step, Step::Declaring(_)) {
            consumer.step = Step::Starting;
            let tag = consumer.tag;
            self.start(world, wire, channel, tag);
            return None;
        }
        let counting = self.counting.as_mut()?;
        if counting.channel == Some(channel) {
            counting.delayed += ready;
            world.send(wire, channel, Request::Close);
            self.ask_next(world);
            return None;
        }
        let counting = self.counting.take()?;
        let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Input::Counts(Counts {
            ready: small(ready),
            delayed: small(counting.delayed),
            consumers: small(consumers),
            cancelled_count: false,
        }))
    }

    /// The broker has closed a channel. One that is not the consumer's had only tasks to settle.
    fn closed(
        &mut self,
        world: &mut World,
        wire: ConnectionId,
        channel: ChannelId,
        code: u16,
        text: String,
    ) -> Option<Input> {
        let counting = self.counting.as_ref();
        if code == 404 && counting.is_some_and(|counting| counting.channel == Some(channel)) {
            self.ask_next(world);
            return None;
        }
        let consumer = self
            .consumer
            .as_ref()
            .filter(|found| found.channel == channel);
        let step = consumer.map(|consumer| consumer.step.clone());
        let is_missing = code == 404 && text.contains("no queue");
        if step == Some(Step::Starting) && is_missing {
            // It was deleted a moment after it was declared.
            self.declare(world, wire, None);
            return None;
        }
        if let Some(Step::Declaring(found)) = step {
            let differs = Mismatch::parse(&text).filter(|_| self.work_type.is_none());
            match (differs, found) {
                (Some(differs), None) if differs.argument == "x-queue-type" => {
                    self.declare(world, wire, Some(differs.current));
                    return None;
                }
                (Some(differs), Some(_)) if differs.argument.starts_with("x-") => {
                    self.declare(world, wire, Some(String::new()));
                    return None;
                }
                _ => {}
            }
        }
        // Whatever ran on this connection begins anew on the next.
        self.end(world, Rest::All);
        self.lost(None);
        Some(Input::ConnectionLost(channel_fault(code, text)))
    }
}

/// An id as if `new_task` had made the task: equal ones cannot be told apart.
fn with_id_of_its_body(task: Task) -> Task {
    if task.properties.id().is_some() {
        return task;
    }
    let mut rest = [0; 10];
    for (byte, of) in rest.iter_mut().zip(&task.body) {
        *byte = *of;
    }
    let id = uuid::Builder::from_unix_timestamp_millis(1_700_000_000_000, &rest);
    let properties = task.properties.with_id(id.into_uuid().to_string());
    Task {
        body: task.body,
        properties: properties.with_timestamp(1_700_000_000),
    }
}
