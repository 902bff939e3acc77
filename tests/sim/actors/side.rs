//! What is asked on channels of its own, not on the one that is published on: a refusal closes the
//! channel, and must not touch the others.

use super::channel_fault;
use crate::broker::declaration::{Answer, Arguments, Declaration, Wish};
use crate::broker::method::{ChannelId, ConnectionId, Reply, Request};
use crate::broker::{Series, Time};
use crate::world::World;
use std::collections::BTreeMap;
use std::time::Duration;
use work_queue::base::fault::Fault;
use work_queue::base::refusal::Mismatch;
use work_queue::publisher::core::{Destination, Form};
use work_queue::queues::QueueType;

/// How long a request may take before the connection is given up.
pub const RPC_LIMIT: Duration = Duration::from_secs(30);

/// A dead-letter queue counts each listing as a delivery.
const DEAD_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// What was asked, and what has been found out on the way.
#[derive(Clone, Debug)]
struct Question {
    what: Asked,
    queue: String,
    found: Found,
    deadline: Time,
}

/// What has been found out of the work queue.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// It holds for a plain declaration, which may mean either type.
    Accepted,
    /// It is of another type than a plain declaration makes.
    OtherType(String),
    /// The same, and it has arguments of its own.
    OtherArguments(String),
}

#[derive(Clone, Debug)]
enum Asked {
    Declare(Destination, Form),
    Measure,
}

/// What came of a question.
pub enum Answered {
    Declared {
        queue: String,
        queue_type: Option<QueueType>,
        adopted: Option<String>,
    },
    Refused(String, Fault),
    Measured(u64),
    NotMeasured(Fault),
}

/// The questions under way, by channel.
#[derive(Default)]
pub struct Side {
    questions: BTreeMap<ChannelId, Question>,
    /// The name of the work queue, to which delays lead.
    work: String,
    /// The type that the user states for it.
    work_type: Option<&'static str>,
    /// Whether the dead letters are to lie in a quorum queue.
    dead_type: Option<&'static str>,
}

impl Side {
    pub fn new(
        work: String,
        work_type: Option<&'static str>,
        dead_type: Option<&'static str>,
    ) -> Self {
        Self {
            questions: BTreeMap::new(),
            work,
            work_type,
            dead_type,
        }
    }

    pub fn clear(&mut self) {
        self.questions.clear();
    }

    /// When a question has taken too long.
    pub fn deadline(&self) -> Option<Time> {
        self.questions
            .values()
            .map(|question| question.deadline)
            .min()
    }

    /// Asks on a new channel.
    pub fn declare(
        &mut self,
        world: &mut World,
        at: (ConnectionId, ChannelId),
        to: Destination,
        queue: &str,
        form: Form,
    ) {
        self.ask(
            world,
            at,
            Asked::Declare(to, form),
            queue.to_owned(),
            Found::Nothing,
        );
    }

    pub fn measure(&mut self, world: &mut World, at: (ConnectionId, ChannelId)) {
        let queue = self.work.clone();
        self.ask(world, at, Asked::Measure, queue, Found::Nothing);
    }

    /// How a queue is declared without waiting for the answer.
    pub fn blind(&self, to: &Destination, queue: &str) -> Wish {
        Wish::Durable(match to {
            Destination::Delay(_) => self.delay_arguments(queue),
            Destination::Dead(_) => dead_arguments(self.dead_type),
            Destination::Work | Destination::Reply(_) | Destination::Results(_) => {
                typed(self.work_type)
            }
        })
    }

    fn ask(
        &mut self,
        world: &mut World,
        (wire, channel): (ConnectionId, ChannelId),
        what: Asked,
        queue: String,
        found: Found,
    ) {
        let question = Question {
            what,
            queue,
            found,
            deadline: world.now + RPC_LIMIT,
        };
        let wish = self.wish(&question);
        world.send(wire, channel, Request::Open);
        let declaration = Declaration {
            queue: question.queue.clone(),
            wish,
            answer: Answer::Wanted,
        };
        world.send(wire, channel, Request::Declare(declaration));
        self.questions.insert(channel, question);
    }

    fn wish(&self, question: &Question) -> Wish {
        let Asked::Declare(to, form) = &question.what else {
            return Wish::Passive;
        };
        match (form, to) {
            (Form::Look | Form::AsItIs, _) => Wish::Passive,
            (_, Destination::Work) => match &question.found {
                Found::Nothing => Wish::Durable(typed(self.work_type)),
                Found::Accepted => Wish::Durable(typed(Some("classic"))),
                Found::OtherType(current) => Wish::Durable(typed(Some(current))),
                Found::OtherArguments(_) => Wish::Passive,
            },
            (_, Destination::Delay(_)) => Wish::Durable(self.delay_arguments(&question.queue)),
            (Form::OtherType, _) => Wish::Durable(dead_arguments(match self.dead_type {
                Some("quorum") => None,
                _ => Some("quorum"),
            })),
            (_, _) => Wish::Durable(dead_arguments(self.dead_type)),
        }
    }

    /// What the broker says on one of these channels. `next`: a channel for another question.
    pub fn heard(
        &mut self,
        world: &mut World,
        (wire, channel): (ConnectionId, ChannelId),
        reply: &Reply,
        mut next: impl FnMut() -> ChannelId,
    ) -> Option<Answered> {
        match reply {
            Reply::Declared { ready, .. } => {
                let question = self.questions.remove(&channel)?;
                let (to, form) = match question.what {
                    Asked::Measure => {
                        world.send(wire, channel, Request::Close);
                        return Some(Answered::Measured(*ready));
                    }
                    Asked::Declare(to, form) => (to, form),
                };
                let learns = to == Destination::Work && form == Form::Make;
                let is_plain = self.work_type.is_none() && question.found == Found::Nothing;
                if learns && is_plain && world.broker.settings.series > Series::V3_10 {
                    // A plain declaration may hold for either type.
                    let found = Found::Accepted;
                    let asked = Asked::Declare(to, form);
                    world.send(wire, channel, Request::Close);
                    self.ask(world, (wire, next()), asked, question.queue, found);
                    return None;
                }
                world.send(wire, channel, Request::Close);
                let queue_type = learns.then(|| self.type_of(&question.found));
                let adopted = match question.found {
                    Found::OtherType(current) | Found::OtherArguments(current) => Some(current),
                    Found::Nothing | Found::Accepted => None,
                };
                Some(Answered::Declared {
                    queue: question.queue,
                    queue_type,
                    adopted,
                })
            }
            Reply::ChannelClosed { code, text } => {
                let question = self.questions.remove(&channel)?;
                let fault = channel_fault(*code, text.clone());
                let (to, form) = match question.what {
                    Asked::Measure => return Some(Answered::NotMeasured(fault)),
                    Asked::Declare(to, form) => (to, form),
                };
                let adopts = to == Destination::Work && form == Form::Make;
                let differs = Mismatch::parse(text).filter(|_| adopts && self.work_type.is_none());
                let found = match (differs, question.found) {
                    (Some(differs), Found::Accepted) if differs.argument == "x-queue-type" => {
                        return Some(Answered::Declared {
                            queue: question.queue,
                            queue_type: named(&differs.current),
                            adopted: None,
                        });
                    }
                    (Some(differs), Found::Nothing) if differs.argument == "x-queue-type" => {
                        Found::OtherType(differs.current)
                    }
                    (Some(differs), Found::OtherType(current))
                        if differs.argument.starts_with("x-") =>
                    {
                        Found::OtherArguments(current)
                    }
                    _ => return Some(Answered::Refused(question.queue, fault)),
                };
                let what = Asked::Declare(to, form);
                self.ask(world, (wire, next()), what, question.queue, found);
                None
            }
            _ => None,
        }
    }

    /// The arguments of a delay queue, whose name ends with its milliseconds.
    fn delay_arguments(&self, queue: &str) -> Arguments {
        let ttl = queue.rsplit('.').next().and_then(|ttl| ttl.parse().ok());
        typed(Some("quorum"))
            .with_number("x-message-ttl", ttl.unwrap_or(i64::MAX))
            .with_text("x-dead-letter-exchange", "")
            .with_text("x-dead-letter-routing-key", &self.work)
            .with_text("x-dead-letter-strategy", "at-least-once")
            .with_text("x-overflow", "reject-publish")
    }

    /// The type of a work queue that took its declaration.
    fn type_of(&self, found: &Found) -> QueueType {
        match found {
            Found::OtherType(current) | Found::OtherArguments(current) => named(current),
            Found::Accepted => None,
            Found::Nothing => self.work_type.and_then(named),
        }
        .unwrap_or(QueueType::Classic)
    }
}

/// A queue's type, by its name on the wire.
pub fn named(name: &str) -> Option<QueueType> {
    match name {
        "classic" | "none" => Some(QueueType::Classic),
        "quorum" => Some(QueueType::Quorum),
        _ => None,
    }
}

/// The arguments of a queue of this type, if one is stated.
pub fn typed(kind: Option<&str>) -> Arguments {
    let none = Arguments::default();
    kind.map_or(none.clone(), |kind| none.with_text("x-queue-type", kind))
}

fn dead_arguments(kind: Option<&str>) -> Arguments {
    match kind {
        Some("quorum") => typed(kind).with_number("x-delivery-limit", DEAD_DELIVERY_LIMIT),
        kind => typed(kind),
    }
}
