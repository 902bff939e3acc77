//! A client of the model: asks, lets time pass until nothing more happens, and tells what it saw.

use super::broker::method::{ChannelId, ConnectionId, Reply, Request, Verdict};
use super::broker::{Broker, Input, Settings, Time};
use super::random::Random;
use super::{Published, Step};
use std::collections::BTreeMap;
use std::time::Duration;

/// Nothing is awaited that takes longer than this of itself.
const QUIET: Duration = Duration::from_secs(3);

pub struct Modelled {
    broker: Broker,
    now: Time,
    clients: BTreeMap<ChannelId, ConnectionId>,
    published: BTreeMap<ConnectionId, Published>,
}

impl Modelled {
    pub fn new(settings: Settings) -> Self {
        Self {
            broker: Broker::new(settings, Random::new(1)),
            now: Time::ZERO,
            clients: BTreeMap::new(),
            published: BTreeMap::new(),
        }
    }

    /// Runs a step, and tells what all clients observed until nothing more happened.
    pub fn run(&mut self, step: &Step) -> Vec<String> {
        match step {
            Step::Ask(client, request) => {
                if !self.clients.contains_key(client) {
                    let id = self.broker.open().unwrap();
                    self.clients.insert(*client, id);
                    self.broker.receive(id, Input::Request(1, Request::Open));
                }
                let id = self.clients[client];
                if matches!(request, Request::Publish(_)) {
                    self.published.entry(id).or_default().publish();
                }
                self.broker.receive(id, Input::Request(1, request.clone()));
            }
            Step::Leave(client) => {
                if let Some(id) = self.clients.remove(client) {
                    self.broker.receive(id, Input::End);
                }
            }
        }
        self.wait()
    }

    fn wait(&mut self) -> Vec<String> {
        let until = self.now + QUIET;
        let mut seen = Vec::new();
        loop {
            self.broker.advance(self.now);
            for sent in self.broker.take_sent() {
                let client = self.clients.iter().find(|(_, id)| **id == sent.connection);
                let client = client.map_or(0, |(client, _)| *client);
                let told = self.describe(sent.connection, &sent.reply).into_iter();
                seen.extend(told.map(|text| format!("{client}: {text}")));
                if matches!(
                    sent.reply,
                    Reply::ChannelClosed { .. } | Reply::ConnectionClosed { .. }
                ) {
                    self.clients.remove(&client);
                }
            }
            match self.broker.next_due() {
                Some(due) if due <= until => self.now = self.now.max(due),
                _ => break,
            }
        }
        self.now = until;
        seen.sort();
        seen
    }

    /// What a client sees; none of what our client library keeps to itself.
    fn describe(&mut self, id: ConnectionId, reply: &Reply) -> Vec<String> {
        let text = match reply {
            Reply::Opened
            | Reply::Closed
            | Reply::ConfirmsOn
            | Reply::PrefetchSet
            | Reply::Consuming(_)
            | Reply::CancelOk(_)
            | Reply::Purged => return Vec::new(),
            Reply::Confirmed {
                tag,
                multiple,
                verdict,
            } => {
                let what = match verdict {
                    Verdict::Ack => "acked",
                    Verdict::Nack => "nacked",
                };
                let published = self.published.entry(id).or_default();
                return published.settle(*tag, *multiple, what);
            }
            // Not how many consumers: a quorum queue goes on to count one that still holds something.
            Reply::Declared { ready, .. } => format!("{ready} ready"),
            Reply::Deleted { messages } => format!("deleted with {messages}"),
            Reply::Returned {
                code,
                text,
                to,
                task,
            } => format!("returned {code} {text} {to} {}", task.line()),
            Reply::Cancelled(_) => "cancelled".to_owned(),
            Reply::Got(None) => "got nothing".to_owned(),
            Reply::Delivered {
                tag,
                redelivered,
                task,
                ..
            }
            | Reply::Got(Some((tag, redelivered, task))) => {
                let headers = task.properties.headers();
                let headers = headers.map(|(name, value)| (name.to_owned(), value));
                super::delivery(*tag, *redelivered, &task.body, &headers.collect())
            }
            Reply::ChannelClosed { code, text } | Reply::ConnectionClosed { code, text } => {
                format!("closed {code} {text}")
            }
            Reply::Blocked => "blocked".to_owned(),
            Reply::Unblocked => "unblocked".to_owned(),
        };
        vec![text]
    }
}
