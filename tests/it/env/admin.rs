//! Another client on the same broker: declares, publishes and counts as any other would.

use super::{Broker, unique, wait_for};
use amiquip::{
    AmqpProperties, AmqpValue, Channel, Connection, FieldTable, Publish, QueueDeclareOptions,
    QueueDeleteOptions,
};
use std::cell::RefCell;

/// How a queue is made beforehand.
#[derive(Clone, Copy)]
pub enum Kind {
    Plain,
    NotDurable,
    Quorum,
    /// Refuses publishes beyond so many messages.
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
            connection: RefCell::new(Connection::insecure_open(&broker.url).unwrap()),
            queue: unique(what),
        }
    }

    /// The same with the queue declared.
    pub fn with_queue(broker: &Broker, what: &str, kind: Kind) -> Self {
        let admin = Self::new(broker, what);
        let mut arguments = FieldTable::new();
        match kind {
            Kind::Plain | Kind::NotDurable => {}
            Kind::Quorum => {
                let value = AmqpValue::LongString("quorum".to_owned());
                arguments.insert("x-queue-type".to_owned(), value);
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
        channel.queue_declare(&admin.queue, options).unwrap();
        drop(channel);
        admin
    }

    /// Declares the test's queue as our commands do.
    pub fn declare(&self) {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.channel().queue_declare(&self.queue, options).unwrap();
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

    /// Fails the test unless `queue` exists and nothing is in it, now or in a moment.
    pub fn expect_empty(&self, queue: &str) {
        wait_for(&format!("{queue} to be empty"), || {
            let channel = self.channel();
            let declared = channel.queue_declare_passive(queue).unwrap();
            (declared.declared_message_count() == Some(0)).then_some(())
        });
    }

    fn channel(&self) -> Channel {
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

    /// Waits until so many tasks are ready.
    pub fn wait_for_ready(&self, count: u32) {
        wait_for(&format!("{count} ready in {}", self.queue), || {
            (self.ready() == count).then_some(())
        });
    }

    /// Publishes bodies as a client would that sets nothing but persistence.
    pub fn publish(&self, bodies: &[&str]) {
        let channel = self.channel();
        for body in bodies {
            let properties = AmqpProperties::default().with_delivery_mode(2);
            let publish = Publish::with_properties(body.as_bytes(), &self.queue, properties);
            channel.basic_publish("", publish).unwrap();
        }
        channel.close().unwrap();
    }

    /// Takes one message away and returns its body and properties.
    pub fn get(&self) -> Option<(Vec<u8>, AmqpProperties)> {
        let channel = self.channel();
        let got = channel.basic_get(&self.queue, true).unwrap()?;
        Some((got.delivery.body, got.delivery.properties))
    }

    /// Deletes the test's queue.
    pub fn delete(&self) {
        self.delete_queue(&self.queue);
    }

    fn delete_queue(&self, queue: &str) {
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
