//! Another client on the same broker: declares, publishes and counts as any other would.

use super::{Broker, unique, wait_for, wait_until};
use amiquip::{
    AmqpProperties, AmqpValue, Channel, Confirm, Connection, FieldTable, Publish,
    QueueDeclareOptions, QueueDeleteOptions,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// How a queue is made beforehand.
#[derive(Clone, Copy)]
pub enum Kind {
    Plain,
    /// Brokers from 4.3 on may refuse it.
    NotDurable,
    Quorum,
    /// Has priorities from 0 to this one.
    Priorities(i8),
    /// Delivers to one of its consumers at a time.
    OneActive,
    /// Refuses publishes beyond this many messages.
    Full(i64),
}

/// A connection of the test's own, with a queue of its own.
pub struct Admin {
    connection: RefCell<Connection>,
    /// The name of the test's queue; it and its relatives go when the test ends.
    pub queue: String,
}

impl Admin {
    /// Connects to `broker` and thinks of a queue name. The queue is not declared.
    pub fn new(broker: &Broker, what: &str) -> Self {
        Self {
            connection: RefCell::new(Connection::insecure_open(broker.first_url()).unwrap()),
            queue: unique(what),
        }
    }

    /// The same with the queue declared.
    pub fn with_queue(broker: &Broker, what: &str, kind: Kind) -> Self {
        Self::try_queue(broker, what, kind).unwrap()
    }

    /// The same with a queue that the broker may refuse to declare.
    pub fn try_queue(broker: &Broker, what: &str, kind: Kind) -> amiquip::Result<Self> {
        let admin = Self::new(broker, what);
        let mut arguments = FieldTable::new();
        match kind {
            Kind::Plain | Kind::NotDurable => {}
            Kind::Quorum => {
                let value = AmqpValue::LongString("quorum".to_owned());
                arguments.insert("x-queue-type".to_owned(), value);
            }
            Kind::Priorities(most) => {
                arguments.insert("x-max-priority".to_owned(), AmqpValue::ShortShortInt(most));
            }
            Kind::OneActive => {
                let name = "x-single-active-consumer".to_owned();
                arguments.insert(name, AmqpValue::Boolean(true));
            }
            Kind::Full(length) => {
                arguments.insert("x-max-length".to_owned(), AmqpValue::LongLongInt(length));
                let value = AmqpValue::LongString("reject-publish".to_owned());
                arguments.insert("x-overflow".to_owned(), value);
            }
        }
        let options = QueueDeclareOptions {
            durable: !matches!(kind, Kind::NotDurable),
            arguments,
            ..QueueDeclareOptions::default()
        };
        let channel = admin.channel();
        let declared = channel.queue_declare(&admin.queue, options).map(drop);
        drop(channel);
        declared.map(|()| admin)
    }

    /// Declares the test's queue as our commands do.
    pub fn declare(&self) {
        self.declare_named(&self.queue);
    }

    /// Declares a queue as our commands do.
    pub fn declare_named(&self, queue: &str) {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.channel().queue_declare(queue, options).unwrap();
    }

    /// How many tasks are ready or handed out, as the broker's own tool tells.
    pub fn unsettled(&self, broker: &Broker) -> u32 {
        let listed = broker.ctl(&["-q", "list_queues", "name", "messages"]);
        let mut rows = listed.lines().map(|line| line.split_whitespace());
        let count = rows.find_map(|mut row| (row.next() == Some(&self.queue)).then(|| row.next()));
        count
            .flatten()
            .and_then(|count| count.parse().ok())
            .unwrap()
    }

    /// Waits until `count` tasks are ready or handed out.
    pub fn wait_for_unsettled(&self, broker: &Broker, count: u32) {
        wait_for(&format!("{count} unsettled in {}", self.queue), || {
            (self.unsettled(broker) == count).then_some(())
        });
    }

    /// Fails the test unless `queue` exists and nothing is in it, now or in a moment.
    pub fn expect_empty(&self, queue: &str) {
        wait_for(&format!("{queue} to be empty"), || {
            let channel = self.channel();
            let declared = channel.queue_declare_passive(queue).unwrap();
            (declared.declared_message_count() == Some(0)).then_some(())
        });
    }

    pub(super) fn channel(&self) -> Channel {
        self.connection.borrow_mut().open_channel(None).unwrap()
    }

    /// How many tasks are ready in the test's queue.
    pub fn ready(&self) -> u32 {
        self.ready_in(&self.queue)
    }

    /// How many messages are ready in `queue`; none if there is no such queue.
    pub fn ready_in(&self, queue: &str) -> u32 {
        let channel = self.channel();
        let ready = channel
            .queue_declare_passive(queue)
            .map(|queue| queue.declared_message_count().unwrap_or_default());
        ready.unwrap_or_default()
    }

    /// Waits until the test's queue has `count` consumers.
    pub fn wait_for_consumers(&self, count: u32) {
        wait_for(&format!("{count} consumers of {}", self.queue), || {
            let channel = self.channel();
            let declared = channel.queue_declare_passive(&self.queue).unwrap();
            (declared.declared_consumer_count() == Some(count)).then_some(())
        });
    }

    /// Waits until `count` tasks are ready.
    pub fn wait_for_ready(&self, count: u32) {
        self.wait_for_ready_in(&self.queue, count);
    }

    /// Waits until `count` messages are ready in `queue`.
    pub fn wait_for_ready_in(&self, queue: &str, count: u32) {
        wait_until(&format!("{count} ready in {queue}"), || {
            match self.ready_in(queue) {
                found if found == count => Ok(()),
                found => Err(found),
            }
        });
    }

    /// Publishes bodies as a client would that sets nothing but persistence.
    pub fn publish(&self, bodies: &[&str]) {
        self.publish_to(&self.queue, bodies);
    }

    /// The same to another queue.
    pub fn publish_to(&self, queue: &str, bodies: &[&str]) {
        let channel = self.channel();
        channel.enable_publisher_confirms().unwrap();
        let confirms = channel.listen_for_publisher_confirms().unwrap();
        for body in bodies {
            let properties = AmqpProperties::default().with_delivery_mode(2);
            let publish = Publish::with_properties(body.as_bytes(), queue, properties);
            channel.basic_publish("", publish).unwrap();
        }
        // A quorum queue may lose what is not confirmed when the channel closes.
        let mut waiting: BTreeSet<u64> = (1..=bodies.len() as u64).collect();
        while !waiting.is_empty() {
            let (Confirm::Ack(done) | Confirm::Nack(done)) =
                confirms.recv_timeout(super::DEADLINE).unwrap();
            let tag = done.delivery_tag;
            waiting.retain(|open| *open != tag && !(done.multiple && *open < tag));
        }
        channel.close().unwrap();
    }

    /// Takes one message away and returns its body and properties.
    pub fn get(&self) -> Option<(Vec<u8>, AmqpProperties)> {
        self.get_from(&self.queue)
    }

    /// The same from another queue.
    pub fn get_from(&self, queue: &str) -> Option<(Vec<u8>, AmqpProperties)> {
        let channel = self.channel();
        let got = channel.basic_get(queue, true).unwrap()?;
        Some((got.delivery.body, got.delivery.properties))
    }

    /// Takes one task and gives it back by `basic.nack`.
    pub fn nack(&self) {
        let channel = self.channel();
        let got = channel.basic_get(&self.queue, false).unwrap().unwrap();
        got.nack(&channel, true).unwrap();
        channel.close().unwrap();
    }

    /// Takes one task and gives it back by `basic.reject`.
    pub fn reject(&self) {
        let channel = self.channel();
        let got = channel.basic_get(&self.queue, false).unwrap().unwrap();
        got.reject(&channel, true).unwrap();
        channel.close().unwrap();
    }

    /// Takes all messages away and returns their bodies.
    pub fn bodies(&self) -> Vec<Vec<u8>> {
        let got = std::iter::from_fn(|| self.get());
        got.map(|(body, _)| body).collect()
    }

    /// Deletes the test's queue.
    pub fn delete(&self) {
        self.delete_queue(&self.queue);
    }

    /// Publishes a task that wants its answer in a queue of its choice.
    pub fn publish_with_reply_to(&self, body: &str, reply_to: &str) {
        let properties = AmqpProperties::default().with_reply_to(reply_to.to_owned());
        let publish = Publish::with_properties(body.as_bytes(), &self.queue, properties);
        let channel = self.channel();
        channel.basic_publish("", publish).unwrap();
        channel.close().unwrap();
    }

    /// The bodies of the dead letters in `queue`, with their reasons. They are taken away.
    pub fn dead_letters(&self, queue: &str) -> Vec<(String, Option<String>)> {
        let channel = self.channel();
        let mut letters = Vec::new();
        while let Some(got) = channel.basic_get(queue, true).unwrap() {
            let body = String::from_utf8(got.delivery.body).unwrap();
            let headers = headers(&got.delivery.properties);
            letters.push((body, headers.get("task-error").cloned()));
        }
        letters
    }

    /// Deletes any queue.
    pub fn delete_queue(&self, queue: &str) {
        if let Ok(channel) = self.connection.borrow_mut().open_channel(None) {
            let _ = channel.queue_delete(queue, QueueDeleteOptions::default());
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        for suffix in ["", ".dead"] {
            self.delete_queue(&format!("{}{suffix}", self.queue));
        }
    }
}

/// The headers that are strings.
pub(super) fn headers(properties: &AmqpProperties) -> BTreeMap<String, String> {
    let headers = properties.headers().clone().unwrap_or_default();
    let texts = headers.into_iter().filter_map(|(name, value)| match value {
        AmqpValue::LongString(text) => Some((name, text)),
        _ => None,
    });
    texts.collect()
}
