//! A client of the model: asks, lets time pass until nothing more happens, and tells what it saw.

use super::broker::declaration::{Arguments, Kind};
use super::broker::method::{ChannelId, ConnectionId, Reply, Request, Verdict};
use super::broker::{Broker, Input, Settings, Time};
use super::claims::publish;
use super::random::Random;
use super::{Published, Step, Trouble, address};
use std::collections::BTreeMap;
use std::time::Duration;

/// Nothing is awaited that takes longer than this of itself.
const QUIET: Duration = Duration::from_secs(3);

/// How long the broker is down.
const DOWN: Duration = Duration::from_secs(1);

pub struct Modelled {
    broker: Broker,
    now: Time,
    /// The least time between two steps.
    pub quiet: Duration,
    clients: BTreeMap<ChannelId, ConnectionId>,
    published: BTreeMap<ConnectionId, Published>,
    /// Where those want their answer whose messages a client holds.
    askers: BTreeMap<(ChannelId, u64), String>,
}

impl Modelled {
    pub fn new(settings: Settings) -> Self {
        Self {
            broker: Broker::new(settings, Random::new(1)),
            now: Time::ZERO,
            quiet: QUIET,
            clients: BTreeMap::new(),
            published: BTreeMap::new(),
            askers: BTreeMap::new(),
        }
    }

    /// There is a plain queue of this name.
    pub fn make_known(&mut self, queue: &str) {
        let none = Arguments::default();
        self.broker.make_queue(queue, Kind::Classic, none);
    }

    /// Runs a step, and tells what all clients observed until nothing more happened.
    pub fn run(&mut self, step: &Step) -> Vec<String> {
        match step {
            Step::Ask(client, request) => self.ask(*client, request.clone()),
            Step::Answer(client, tag) => {
                let to = self.askers[&(*client, *tag)].clone();
                self.ask(*client, publish(&to, super::ANSWER));
            }
            Step::Leave(client) => {
                if let Some(id) = self.clients.remove(client) {
                    self.broker.receive(id, Input::End);
                }
            }
            Step::Trouble(trouble) => self.trouble(*trouble),
        }
        self.wait()
    }

    fn ask(&mut self, client: ChannelId, request: Request) {
        let broker = &mut self.broker;
        let id = *self.clients.entry(client).or_insert_with(|| {
            let id = broker.open().unwrap();
            broker.receive(id, Input::Request(1, Request::Open));
            id
        });
        if matches!(request, Request::Publish(_)) {
            self.published.entry(id).or_default().publish();
        }
        self.broker.receive(id, Input::Request(1, request));
    }

    fn trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Killed => {
                self.broker.kill();
                self.clients.clear();
                self.start();
            }
            Trouble::Restarted => {
                self.broker.stop();
                self.start();
            }
            Trouble::Alarm => self.broker.raise_alarm(),
            Trouble::AlarmOver => self.broker.clear_alarm(),
        }
    }

    fn start(&mut self) {
        self.now += DOWN;
        self.broker.advance(self.now);
        self.broker.start();
    }

    fn wait(&mut self) -> Vec<String> {
        let until = self.now + self.quiet;
        let mut seen = Vec::new();
        loop {
            self.broker.advance(self.now);
            for sent in self.broker.take_sent() {
                let client = self.clients.iter().find(|(_, id)| **id == sent.connection);
                let client = client.map_or(0, |(client, _)| *client);
                self.note_asker(client, &sent.reply);
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

    fn note_asker(&mut self, client: ChannelId, reply: &Reply) {
        if let Reply::Delivered { tag, task, .. } = reply {
            if let Some(to) = task.properties.reply_to() {
                self.askers.insert((client, *tag), to.to_owned());
            }
        }
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
            } => format!("returned {code} {text} {} {}", address(to), task.line()),
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
