//! A worker's connection to the work queue: from connecting to consuming.

mod asking;
mod hearing;
mod settling;

use super::connection_fault;
use crate::broker::Time;
use crate::broker::method::{ChannelId, ConnectionId, ConsumerTag, Reply};
use crate::world::{Happening, Port, Rest, World};
use asking::Counting;
use settling::Channels;
use std::sync::Arc;
use std::time::Duration;
use work_queue::task::Task;
use work_queue::worker::core::Input;

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

impl Consuming {
    pub fn new(port: Port, queue: &str, work_type: Option<&'static str>) -> Self {
        Self {
            port,
            queue: queue.to_owned(),
            work_type,
            prefetch: 0,
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

    /// When a request has taken too long.
    pub fn deadline(&self) -> Option<Time> {
        let consumer = self.consumer.as_ref();
        let starting = consumer.filter(|consumer| consumer.step != Step::Running);
        let starting = starting.map(|consumer| consumer.deadline);
        let counting = self.counting.as_ref().map(|counting| counting.deadline);
        [starting, counting].into_iter().flatten().min()
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
}
