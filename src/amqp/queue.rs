//! A queue's arguments, and what the broker says of a queue.

use crate::base::duration::milliseconds;
use amiquip::{AmqpValue, FieldTable, QueueDeclareOptions};
use std::time::Duration;

/// The optional arguments of a queue's declaration, by their names on the wire.
#[derive(Clone, Debug, Default)]
pub struct QueueArguments(FieldTable);

/// What the broker says of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Messages that are ready for delivery.
    pub ready: u32,
    /// Consumers at the moment.
    pub consumers: u32,
}

impl QueueArguments {
    /// As amiquip takes them.
    pub(super) fn into_table(self) -> FieldTable {
        self.0
    }

    /// Adds a string argument.
    #[must_use]
    pub fn with_text(mut self, name: &str, value: &str) -> Self {
        let value = AmqpValue::LongString(value.to_owned());
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Adds a whole number.
    #[must_use]
    pub fn with_number(mut self, name: &str, value: i64) -> Self {
        let value = AmqpValue::LongLongInt(value);
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Adds a time, in whole milliseconds.
    #[must_use]
    pub fn with_milliseconds(self, name: &str, time: Duration) -> Self {
        self.with_number(name, i64::try_from(milliseconds(time)).unwrap_or(i64::MAX))
    }
}

/// What declares a durable queue.
pub(super) fn durable(arguments: &QueueArguments) -> QueueDeclareOptions {
    QueueDeclareOptions {
        durable: true,
        arguments: arguments.0.clone(),
        ..QueueDeclareOptions::default()
    }
}

/// What the broker answered.
pub(super) fn declared(queue: &amiquip::Queue<'_>) -> Declared {
    Declared {
        ready: queue.declared_message_count().unwrap_or_default(),
        consumers: queue.declared_consumer_count().unwrap_or_default(),
    }
}
