//! A publishing core and its connection.

mod acting;
mod line;

use super::side::{Answered, RPC_LIMIT, Side};
use super::{Parcel, channel_fault, connection_fault};
use crate::broker::method::{ChannelId, ConnectionId, Reply, Verdict};
use crate::sabotage::Sabotage;
use crate::world::{Happening, Port, Rest, Wakes, World};
use line::Line;
use std::rc::Rc;
use std::time::Duration;
use work_queue::amqp::{Confirm, PublishNews};
use work_queue::base::fault::{Fault, Kind};
use work_queue::publisher::core::{
    Config, Core, Destination, FirstChannel, Input, Message, Scope, Sent,
};
use work_queue::task::Task;

/// What the core decided, for the sender.
pub enum Output {
    Confirmed {
        number: u64,
        queue: String,
    },
    Refused {
        number: u64,
        fault: Fault,
        scope: Scope,
    },
    Withdrawn {
        number: u64,
        sent: Sent,
    },
    /// The result of a task of ours.
    Result(Rc<Task>),
    GaveUp(Fault),
}

/// Whether results of what is sent come back on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    Wanted,
    Unwanted,
}

/// A publishing core at work.
pub struct Publishing {
    pub core: Core<Parcel>,
    port: Port,
    rate: Option<u64>,
    results: Results,
    line: Line,
    side: Side,
    outputs: Vec<Output>,
    /// The queue that the first channel may look for as it opens.
    looks_for: Option<String>,
    wakes: Wakes,
}

impl Publishing {
    pub fn new(
        config: Config,
        (port, rate): (Port, Option<u64>),
        (work_type, dead_type): (Option<&'static str>, Option<&'static str>),
        results: Results,
        world: &World,
    ) -> Self {
        let work = config.queues.work.name.as_str().to_owned();
        Self {
            core: Core::new(config, world.instant()),
            port,
            rate,
            results,
            line: Line::default(),
            side: Side::new(work, work_type, dead_type),
            outputs: Vec::new(),
            looks_for: None,
            wakes: Wakes::default(),
        }
    }

    /// Hands a message over.
    pub fn send(&mut self, world: &World, number: u64, to: Destination, task: Rc<Task>) {
        let payload = Parcel(task);
        let message = Message {
            number,
            to,
            payload,
        };
        self.core.handle(Input::Message(message), world.instant());
    }

    pub fn withdraw(&mut self, world: &World, number: u64) {
        self.core.handle(Input::Withdraw(number), world.instant());
    }

    pub fn answered(&mut self, world: &World, number: u64) {
        self.core.handle(Input::Answered(number), world.instant());
    }

    /// The process ends: its connection as well.
    pub fn end(&mut self, world: &mut World, rest: Rest) {
        if let Some(wire) = self.line.wire.take() {
            world.hang_up(wire, rest);
        }
    }

    /// Takes in what happened.
    pub fn happen(&mut self, world: &mut World, happening: Happening) {
        self.look_at_progress(world);
        self.line.release(world);
        match happening {
            Happening::Connected(wire) => {
                self.line = Line {
                    wire: Some(wire),
                    ..Line::default()
                };
                let first = match std::mem::take(&mut self.looks_for) {
                    Some(queue) if world.random.chance(50) => {
                        self.line.looks_for = Some(queue);
                        FirstChannel::LooksForQueue
                    }
                    _ => FirstChannel::Opens,
                };
                self.core.handle(Input::Connected(first), world.instant());
            }
            Happening::CannotConnect => {
                self.line.tries += 1;
                let pause = Duration::from_millis(100) * 2_u32.pow(self.line.tries.min(6));
                world.connect(self.port, pause, self.rate);
            }
            Happening::Heard {
                wire,
                channel,
                reply,
            } if self.line.wire == Some(wire) => self.heard(world, wire, channel, reply),
            Happening::Gone(wire) if self.line.wire == Some(wire) => {
                self.lost(world, None);
            }
            Happening::Wake => self.look_at_requests(world),
            Happening::Heard { .. }
            | Happening::Gone(_)
            | Happening::Ended { .. }
            | Happening::Starts => {}
        }
    }

    fn lost(&mut self, world: &mut World, said: Option<&Reply>) {
        self.line = Line::default();
        self.side.clear();
        if world.sabotage == Some(Sabotage::ForgetsInFlight) {
            let forgotten = self.core.take_unfinished();
            world.trace.note(world.now, || {
                format!("sabotage: forgets {} messages", forgotten.len())
            });
        }
        let fault = connection_fault(said);
        self.core
            .handle(Input::ConnectionLost(fault), world.instant());
    }

    /// Bytes that have left since.
    fn look_at_progress(&mut self, world: &mut World) {
        let Some((written, next)) = self.line.wire.and_then(|wire| world.written(wire)) else {
            return;
        };
        if written > self.line.written {
            self.line.written = written;
            self.core.handle(Input::Written(written), world.instant());
        }
        if let Some(next) = next {
            self.wake_at(world, next);
        }
    }

    /// A request that has no answer for too long ends the connection.
    fn look_at_requests(&mut self, world: &mut World) {
        let opening = self.line.opening.map(|since| since + RPC_LIMIT);
        let deadline = [opening, self.side.deadline()].into_iter().flatten().min();
        let leaving = self.line.wire.and_then(|wire| world.written(wire));
        if leaving.is_some_and(|(_, next)| next.is_some()) {
            // What still leaves cannot have been answered.
            self.line.left_at = world.now;
        }
        let deadline = deadline.map(|at| at.max(self.line.left_at + RPC_LIMIT));
        if deadline.is_some_and(|at| at <= world.now) {
            if let Some(wire) = self.line.wire.take() {
                world.hang_up(wire, Rest::Some);
            }
            self.lost(world, None);
        }
    }

    fn heard(&mut self, world: &mut World, wire: ConnectionId, channel: ChannelId, reply: Reply) {
        let now = world.instant();
        if self.line.publishing == Some(channel) {
            if let Some(input) = self.heard_here(world, reply) {
                self.core.handle(input, now);
            }
            return;
        }
        match reply {
            Reply::Blocked => {
                let why = "low on memory".to_owned();
                self.core
                    .handle(Input::News(PublishNews::Blocked(why)), now);
            }
            Reply::Unblocked if world.sabotage == Some(Sabotage::MissesUnblocked) => {}
            Reply::Unblocked => self.core.handle(Input::News(PublishNews::Unblocked), now),
            Reply::ConnectionClosed { .. } => self.lost(world, Some(&reply)),
            reply => {
                let channels = &mut self.line.channels;
                let next = || {
                    *channels += 1;
                    *channels
                };
                let answered = self.side.heard(world, (wire, channel), &reply, next);
                if let Some(answered) = answered {
                    self.core.handle(input(answered), now);
                }
            }
        }
    }

    /// What is said on the channel that is published on.
    fn heard_here(&mut self, world: &mut World, reply: Reply) -> Option<Input<Parcel>> {
        Some(match reply {
            Reply::Opened => {
                self.line.opening = None;
                Input::ChannelOpened
            }
            Reply::Declared { .. } => Input::Declared {
                queue: self.line.checking.take()?,
                queue_type: None,
                adopted: None,
            },
            Reply::Confirmed {
                verdict: Verdict::Nack,
                ..
            } if self.withholds(world) => return None,
            Reply::Confirmed {
                tag,
                multiple,
                verdict,
            } => Input::News(PublishNews::Settled {
                tag,
                multiple: multiple && world.sabotage != Some(Sabotage::IgnoresMultiple),
                verdict: match verdict {
                    Verdict::Ack => Confirm::Ack,
                    Verdict::Nack if world.sabotage == Some(Sabotage::TakesNackForAck) => {
                        Confirm::Ack
                    }
                    Verdict::Nack => Confirm::Nack,
                },
            }),
            Reply::Returned { .. } if world.sabotage == Some(Sabotage::MissesReturns) => {
                return None;
            }
            Reply::Returned { to, task, text, .. } => Input::News(PublishNews::Returned {
                queue: to,
                id: task.properties.id().map(str::to_owned),
                reason: text.to_owned(),
            }),
            Reply::ChannelClosed { code, text } => {
                self.line.publishing = None;
                self.line.opening = None;
                Input::ChannelClosed(channel_fault(code, text))
            }
            Reply::Delivered { task, .. } => {
                self.outputs.push(Output::Result(task));
                return None;
            }
            _ => return None,
        })
    }
}

fn input(answered: Answered) -> Input<Parcel> {
    match answered {
        Answered::Declared {
            queue,
            queue_type,
            adopted,
        } => Input::Declared {
            queue,
            queue_type,
            adopted,
        },
        Answered::Refused(queue, fault) => Input::DeclarationRefused { queue, fault },
        Answered::Measured(ready) => Input::Measured(u32::try_from(ready).unwrap_or(u32::MAX)),
        Answered::NotMeasured(fault) => Input::MeasureRefused(fault),
    }
}

/// Nothing is known of it, and it may or may not be there.
pub fn unknown() -> Fault {
    Fault::new(Kind::Lost, "it may have been sent")
}
