//! The declaration of a queue, and whether it is that of the queue there is.

use super::Series;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The kinds of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Classic,
    Quorum,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

/// An argument's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// `queue.declare`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    pub queue: String,
    pub wish: Wish,
    /// Whether an answer is wanted.
    pub answer: Answer,
}

/// What is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Only to be there.
    Passive,
    /// To be durable, with these arguments.
    Durable(Arguments),
    /// Not to be durable.
    Transient,
}

/// Whether a request has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Wanted,
    /// `nowait`
    Unwanted,
}

/// The optional arguments of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments(pub BTreeMap<String, Value>);

impl Arguments {
    #[must_use]
    pub fn with_text(mut self, name: &str, value: &str) -> Self {
        let value = Value::Text(value.to_owned());
        self.0.insert(name.to_owned(), value);
        self
    }

    #[must_use]
    pub fn with_number(mut self, name: &str, value: i64) -> Self {
        self.0.insert(name.to_owned(), Value::Number(value));
        self
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            Value::Number(_) => None,
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => u64::try_from(*number).ok(),
            Value::Text(_) => None,
        }
    }

    /// The type that is asked for, if one is.
    pub fn kind(&self) -> Option<Kind> {
        match self.text("x-queue-type")? {
            "quorum" => Some(Kind::Quorum),
            _ => Some(Kind::Classic),
        }
    }

    pub fn message_ttl(&self) -> Option<Duration> {
        self.number("x-message-ttl").map(Duration::from_millis)
    }

    /// Where messages that expire go, by the default exchange.
    pub fn dead_letters_to(&self) -> Option<&str> {
        self.text("x-dead-letter-exchange")
            .filter(|exchange| exchange.is_empty())?;
        self.text("x-dead-letter-routing-key")
    }

    pub fn delivery_limit(&self) -> Option<u64> {
        self.number("x-delivery-limit")
    }

    /// How long the queue may become before it refuses.
    pub fn max_length(&self) -> Option<u64> {
        self.text("x-overflow")
            .filter(|overflow| *overflow == "reject-publish")?;
        self.number("x-max-length")
    }
}

/// The arguments that RabbitMQ compares, in its order.
const COMPARED: [&str; 9] = [
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-length",
    "x-max-priority",
    "x-overflow",
    "x-delivery-limit",
];

/// Why a queue of type `kind` that was declared with `current` cannot be declared with `wanted`:
/// RabbitMQ's words.
pub fn mismatch(
    queue: &str,
    (kind, current): (Kind, &Arguments),
    (wanted_kind, wanted): (Kind, &Arguments),
    series: Series,
) -> Option<String> {
    let values = |argument: &str| (wanted.0.get(argument), current.0.get(argument));
    if wanted_kind != kind {
        // From 4.0 on a type that was not stated is that of the default.
        let [received, there] = [wanted_kind, kind].map(|kind| Value::Text(kind.name().to_owned()));
        let values = match series {
            Series::V3_10 => values("x-queue-type"),
            Series::V4_0 | Series::V4_3 => (Some(&received), Some(&there)),
        };
        return Some(inequivalent(queue, "x-queue-type", values));
    }
    let differs = |argument: &&str| {
        let (received, there) = values(argument);
        received != there
    };
    let argument = COMPARED.into_iter().find(differs)?;
    Some(inequivalent(queue, argument, values(argument)))
}

fn inequivalent(
    queue: &str,
    argument: &str,
    (received, current): (Option<&Value>, Option<&Value>),
) -> String {
    let describe: fn(Option<&Value>) -> String = match (received, current) {
        (Some(_), Some(_)) => |value| value.map_or_else(String::new, |value| format!("'{value}'")),
        _ => |value| match value {
            None => "none".to_owned(),
            // Our client sends numbers with 64 bits.
            Some(Value::Number(number)) => format!("the value '{number}' of type 'long'"),
            Some(Value::Text(text)) => format!("the value '{text}' of type 'longstr'"),
        },
    };
    format!(
        "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{queue}' in vhost '/': \
         received {} but current is {}",
        describe(received),
        describe(current)
    )
}
