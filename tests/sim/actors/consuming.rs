//! A worker's connection to the work queue: from connecting to consuming.

use super::side::{RPC_LIMIT, typed};
use super::{channel_fault, connection_fault};
use crate::broker::Time;
use crate::broker::declaration::{Answer, Arguments, Declaration, Wish};
use crate::broker::method::{
    ChannelId, ConnectionId, ConsumerTag, Reply, Request, Settle, Settlement,
};
use crate::sabotage::Sabotage;
use crate::world::{Happening, Port, Rest, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use work_queue::amqp::AckToken;
use work_queue::refusal::Mismatch;
use work_queue::task::Task;
use work_queue::worker::core::{Channel, Counts, Delivery, Input};

/// A worker's connection to the work queue.
pub struct Consuming {
    port: Port,
    queue: String,
    work_type: Option<&'static str>,
    prefetch: u16,
    wire: Option<ConnectionId>,
    tries: u32,
    /// Connections in a row that were lost soon.
    losses: u32,
    /// When the last one was made.
    since: Time,
    channels: Channels,
    /// The consumer that is being started, or runs.
    consumer: Option<Consumer>,
    /// What was asked and is not answered yet.
    counting: Option<Counting>,
    /// Deliveries, each with what the broker calls its message.
    taken: Vec<(Arc<Task>, u64)>,
}

/// Open channels.
#[derive(Default)]
struct Channels {
    /// Channels of this connection so far.
    opened: ChannelId,
    /// Channels of this worker so far, by which tokens name them.
    epoch: u64,
    open: BTreeMap<ChannelId, u64>,
    /// What was delivered and is not settled.
    unsettled: BTreeSet<AckToken>,
}

struct Consumer {
    channel: ChannelId,
    tag: ConsumerTag,
    step: Step,
    deadline: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The type that was found, if it is not what was declared.
    Declaring(Option<String>),
    Starting,
    Running,
    Cancelling,
}

/// A count of what the queues hold.
struct Counting {
    /// The delay queues that are still to be asked for.
    delays: VecDeque<String>,
    /// The channel on which a delay queue is asked for; none: it is the work queue's turn.
    channel: Option<ChannelId>,
    delayed: u64,
    deadline: Time,
}

impl Consuming {
    pub fn new(port: Port, queue: &str, work_type: Option<&'static str>, prefetch: u16) -> Self {
        Self {
            port,
            queue: queue.to_owned(),
            work_type,
            prefetch,
            wire: None,
            tries: 0,
            losses: 0,
            since: Time::ZERO,
            channels: Channels::default(),
            consumer: None,
            counting: None,
            taken: Vec::new(),
        }
    }

    /// What the broker calls the message of this task.
    pub fn serial(&self, task: &Arc<Task>) -> Option<u64> {
        let mut taken = self.taken.iter();
        let found = taken.find(|(other, _)| Arc::ptr_eq(other, task));
        found.map(|(_, serial)| *serial)
    }

    /// Connects, after a pause if the last connection did not last.
    pub fn connect_again(&mut self, world: &mut World) {
        const SERVED_WELL: Duration = Duration::from_secs(5);
        let lasted = world.now.saturating_sub(self.since);
        self.losses = if lasted > SERVED_WELL {
            0
        } else {
            self.losses + 1
        };
        let pause = match self.losses {
            0 => Duration::ZERO,
            losses => Duration::from_millis(50) * 2_u32.pow(losses.min(4)),
        };
        self.connect(world, pause);
    }

    fn connect(&mut self, world: &mut World, pause: Duration) {
        let jitter = world.random.between(Duration::from_micros(1), pause / 2);
        world.connect(self.port, pause + jitter, None);
    }

    /// The process ends.
    pub fn end(&mut self, world: &mut World, rest: Rest) {
        if let Some(wire) = self.wire.take() {
            world.hang_up(wire, rest);
        }
    }

    /// Whether what this token names can still be settled.
    pub fn holds(&self, token: AckToken) -> bool {
        self.wire.is_some()
            && self
                .channels
                .open
                .values()
                .any(|epoch| *epoch == token.channel)
    }

    /// The channel that was opened last, as tokens name it.
    pub fn newest_channel(&self) -> u64 {
        self.channels.epoch
    }

    /// When a request has taken too long.
    pub fn deadline(&self) -> Option<Time> {
        let consumer = self.consumer.as_ref();
        let starting = consumer.filter(|consumer| consumer.step != Step::Running);
        let starting = starting.map(|consumer| consumer.deadline);
        let counting = self.counting.as_ref().map(|counting| counting.deadline);
        [starting, counting].into_iter().flatten().min()
    }

    /// Starts a consumer.
    pub fn consume(&mut self, world: &mut World, on: Channel) {
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

    fn declare(&mut self, world: &mut World, wire: ConnectionId, found: Option<String>) {
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

    fn start(
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
    fn ask_next(&mut self, world: &mut World) {
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

    /// Acknowledges, with as few frames as may be.
    pub fn acknowledge(&mut self, world: &mut World, tokens: &[AckToken], joint: bool) {
        let mut tokens = tokens.to_vec();
        tokens.sort_unstable();
        while let Some(token) = tokens.last().copied() {
            let first = AckToken { tag: 0, ..token };
            let open: Vec<AckToken> = self
                .channels
                .unsettled
                .range(first..=token)
                .copied()
                .collect();
            let all = joint || tokens.ends_with(&open);
            let settled = if all { open.len().max(1) } else { 1 };
            self.settle(world, token, all && open.len() > 1, Settle::Ack);
            for _ in 0..settled {
                if let Some(token) = tokens.pop() {
                    self.channels.unsettled.remove(&token);
                }
            }
        }
    }

    pub fn give_back(&mut self, world: &mut World, token: AckToken) {
        self.channels.unsettled.remove(&token);
        self.settle(world, token, false, Settle::Nack);
    }

    fn settle(&mut self, world: &mut World, token: AckToken, multiple: bool, how: Settle) {
        let mut open = self.channels.open.iter();
        let channel = open.find(|(_, epoch)| **epoch == token.channel);
        if let (Some(wire), Some((channel, _))) = (self.wire, channel) {
            let tag = token.tag;
            world.send(wire, *channel, Request::Settle { tag, multiple, how });
        }
    }

    /// Takes in what happened, and tells what the core must know.
    pub fn happen(&mut self, world: &mut World, happening: Happening) -> Option<Input> {
        match happening {
            Happening::Connected(wire) => {
                self.wire = Some(wire);
                self.tries = 0;
                self.since = world.now;
                self.channels.forget();
                Some(Input::Connected)
            }
            Happening::CannotConnect => {
                self.tries += 1;
                let pause = Duration::from_millis(100) * 2_u32.pow(self.tries.min(6));
                self.connect(world, pause);
                None
            }
            Happening::Heard {
                wire,
                channel,
                reply,
            } if self.wire == Some(wire) => self.heard(world, wire, channel, reply),
            Happening::Gone(wire) if self.wire == Some(wire) => Some(self.lost(None)),
            Happening::Wake if self.deadline().is_some_and(|at| at <= world.now) => {
                self.end(world, Rest::Some);
                Some(self.lost(None))
            }
            _ => None,
        }
    }

    fn lost(&mut self, said: Option<&Reply>) -> Input {
        self.wire = None;
        self.consumer = None;
        self.counting = None;
        self.channels.forget();
        Input::ConnectionLost(connection_fault(said))
    }

    fn heard(
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
            Reply::Declared { ready, .. } => self.declared(world, wire, channel, ready),
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
        ready: u64,
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

impl Channels {
    fn next(&mut self) -> ChannelId {
        self.opened += 1;
        self.epoch += 1;
        self.open.insert(self.opened, self.epoch);
        self.opened
    }

    /// The connection is gone.
    fn forget(&mut self) {
        self.opened = 0;
        self.open.clear();
        self.unsettled.clear();
    }
}
