//! Whole courses of events.

mod answers;
mod fixtures;
mod giving_up;
mod queues;
mod sending;
mod suspicion;
mod withdrawing;
mod young;

use super::age::YOUTH;
use super::*;
use crate::amqp::{Confirm, PublishNews};
use crate::queues::{Declare, QueueType, WorkQueue};
use fixtures::{SECOND, closed, config, cut_off, dead, lost, reply, sender, work_queue};
use std::time::Duration;

/// A message with an id of its number, and these sizes.
#[derive(Clone, Debug, PartialEq)]
struct Letter {
    id: String,
    body: usize,
    header: usize,
}

impl Payload for Letter {
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn body_len(&self) -> usize {
        self.body
    }
    fn header_len(&self) -> usize {
        self.header
    }
}

/// What a core had done, as far as a broker would see it.
#[derive(Debug, PartialEq)]
enum Did {
    Connect(Duration),
    Disconnect,
    OpenChannel,
    Declare(String, Form),
    Measure,
    Publish(u64, String),
    Confirmed(u64, String),
    Refused(u64, Scope),
    Withdrawn(u64, Sent),
    Tell(&'static str),
    GiveUp,
}

use Did::{Confirmed, Connect, Disconnect, GiveUp, Measure, OpenChannel, Refused, Tell, Withdrawn};

struct Bench {
    core: Core<Letter>,
    now: Instant,
    /// What the core said it waits for.
    until: Option<Instant>,
    looks: FirstChannel,
}

impl Bench {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(config, now),
            now,
            until: None,
            looks: FirstChannel::Opens,
        }
    }

    fn handle(&mut self, input: Input<Letter>) -> Vec<Did> {
        self.core.handle(input, self.now);
        self.run()
    }

    fn send(&mut self, number: u64, to: Destination) -> Vec<Did> {
        self.send_sized(number, to, 10, 100)
    }

    fn send_sized(&mut self, number: u64, to: Destination, body: usize, header: usize) -> Vec<Did> {
        let id = number.to_string();
        let payload = Letter { id, body, header };
        self.handle(Input::Message(Message {
            number,
            to,
            payload,
        }))
    }

    fn settle(&mut self, tag: u64, multiple: bool, verdict: Confirm) -> Vec<Did> {
        self.handle(Input::News(PublishNews::Settled {
            tag,
            multiple,
            verdict,
        }))
    }

    fn ack(&mut self, tag: u64) -> Vec<Did> {
        self.settle(tag, false, Confirm::Ack)
    }

    fn nack(&mut self, tag: u64) -> Vec<Did> {
        self.settle(tag, false, Confirm::Nack)
    }

    /// Polls until there is nothing to do.
    fn run(&mut self) -> Vec<Did> {
        let mut all = Vec::new();
        loop {
            let did = match self.core.poll(self.now) {
                Action::Wait(until) => {
                    self.until = until;
                    return all;
                }
                Action::Connect { pause, look_for } => {
                    self.looks = match look_for {
                        Some(_) => FirstChannel::LooksForQueue,
                        None => FirstChannel::Opens,
                    };
                    Connect(pause)
                }
                Action::Disconnect => Disconnect,
                Action::OpenChannel => OpenChannel,
                Action::Declare(request) => Did::Declare(request.queue, request.form),
                Action::Measure => Measure,
                Action::Publish { queue, number, .. } => Did::Publish(number, queue.to_owned()),
                Action::Verdict(Verdict::Confirmed { number, queue, .. }) => {
                    Confirmed(number, queue.to_string())
                }
                Action::Verdict(Verdict::Refused { number, scope, .. }) => Refused(number, scope),
                Action::Verdict(Verdict::Withdrawn { number, sent }) => Withdrawn(number, sent),
                Action::Tell(notice) => Tell(match notice {
                    Notice::Lost { .. } => "lost",
                    Notice::Refused { .. } => "refused",
                    Notice::Adopted(_) => "adopted",
                    Notice::Blocked(_) => "blocked",
                    Notice::Unblocked => "unblocked",
                    Notice::BacklogFull(_) => "full",
                }),
                Action::GiveUp(_) => GiveUp,
            };
            all.push(did);
            assert!(all.len() < 10_000, "it never waits");
        }
    }

    /// Answers what waits for an answer, as a broker does on which all is well, until nothing does.
    fn go_on(&mut self, mut did: Vec<Did>) -> Vec<Did> {
        let mut all = Vec::new();
        loop {
            let answers: Vec<_> = did.iter().filter_map(|did| self.answer(did)).collect();
            all.extend(did);
            if answers.is_empty() {
                return all;
            }
            for answer in answers {
                self.core.handle(answer, self.now);
            }
            did = self.run();
        }
    }

    fn answer(&self, did: &Did) -> Option<Input<Letter>> {
        match did {
            Connect(_) => Some(Input::Connected(self.looks)),
            OpenChannel => Some(Input::ChannelOpened),
            Did::Declare(_, Form::Blind) => None,
            Did::Declare(queue, _) => Some(Input::Declared {
                queue: queue.clone(),
                queue_type: None,
                adopted: None,
            }),
            _ => None,
        }
    }

    /// A message that finds a connection, or makes one.
    fn publish(&mut self, number: u64, to: Destination) -> Vec<Did> {
        let did = self.send(number, to);
        self.go_on(did)
    }

    /// Lets time pass until the core wants something, which it must.
    fn pass(&mut self) -> Vec<Did> {
        self.now = self.until.expect("it waits for nothing");
        let did = self.run();
        self.go_on(did)
    }

    /// Lets time pass until it has done something, up to a limit.
    fn pass_at_most(&mut self, limit: Duration) -> Vec<Did> {
        let end = self.now + limit;
        loop {
            match self.until {
                Some(until) if until <= end => {
                    let did = self.pass();
                    if !did.is_empty() {
                        return did;
                    }
                }
                _ => {
                    self.now = end;
                    let did = self.run();
                    return self.go_on(did);
                }
            }
        }
    }
}

fn published(did: &[Did]) -> Vec<u64> {
    let numbers = did.iter().filter_map(|did| match did {
        Did::Publish(number, _) => Some(*number),
        _ => None,
    });
    numbers.collect()
}

fn declared(queue: &str, form: Form) -> Did {
    Did::Declare(queue.to_owned(), form)
}

fn sent(number: u64, queue: &str) -> Did {
    Did::Publish(number, queue.to_owned())
}

fn safe(number: u64, queue: &str) -> Did {
    Confirmed(number, queue.to_owned())
}
