//! What goes over a connection, both ways.

pub use super::declaration::Answer;
use super::declaration::Declaration;
use std::fmt;
use std::rc::Rc;
use work_queue::amqp::Properties;
use work_queue::task::Task;

/// A connection, as the broker numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

/// A channel of a connection.
pub type ChannelId = u16;

/// A consumer's tag; it is the client who chooses it.
pub type ConsumerTag = u32;

/// What a client asks for on a channel.
#[derive(Clone, Debug)]
pub enum Request {
    Open,
    Close,
    /// `queue.declare`, of a durable queue or passive.
    Declare(Declaration),
    Delete(String),
    Purge(String),
    /// `confirm.select`
    Confirms(Answer),
    Publish(Publish),
    /// `basic.qos`, for consumers to come; 0 is unlimited.
    Prefetch(u16),
    Consume {
        queue: String,
        consumer: ConsumerTag,
        settlement: Settlement,
    },
    Cancel(ConsumerTag),
    /// `basic.get` of a message that is to be acknowledged.
    Get(String),
    Settle {
        tag: u64,
        multiple: bool,
        how: Settle,
    },
}

/// A message on its way to a queue, by the default exchange.
#[derive(Clone)]
pub struct Publish {
    pub to: String,
    pub mandatory: bool,
    pub task: Rc<Task>,
}

impl Publish {
    /// With nothing but a body.
    pub fn plain(to: &str, body: &str) -> Self {
        let (body, properties) = (body.as_bytes().to_vec(), Properties::persistent());
        Self {
            to: to.to_owned(),
            mandatory: true,
            task: Rc::new(Task { body, properties }),
        }
    }
}

impl fmt::Debug for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, task, .. } = self;
        let (id, size) = (task.id(), task.body.len());
        write!(f, "{:.60} {id} of {size} bytes to {to}", task.line())
    }
}

/// Who settles what a consumer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    ByTheClient,
    /// `no_ack`
    ByTheBroker,
}

/// How a delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    Ack,
    /// `basic.nack` with `requeue`
    Nack,
    /// `basic.reject` with `requeue`
    Reject,
}

/// What the broker says on a channel, or of the whole connection.
#[derive(Clone, Debug)]
pub enum Reply {
    Opened,
    Closed,
    Declared {
        ready: u64,
        consumers: u64,
    },
    Deleted {
        messages: u64,
    },
    Purged,
    ConfirmsOn,
    Confirmed {
        tag: u64,
        multiple: bool,
        verdict: Verdict,
    },
    Returned {
        code: u16,
        text: &'static str,
        to: String,
        task: Rc<Task>,
    },
    PrefetchSet,
    Consuming(ConsumerTag),
    CancelOk(ConsumerTag),
    /// The broker ended the consumer.
    Cancelled(ConsumerTag),
    Delivered {
        consumer: ConsumerTag,
        tag: u64,
        redelivered: bool,
        task: Rc<Task>,
        /// Tells the message from all others; a real broker keeps that to itself.
        serial: u64,
    },
    Got(Option<(u64, bool, Rc<Task>)>),
    ChannelClosed {
        code: u16,
        text: String,
    },
    ConnectionClosed {
        code: u16,
        text: String,
    },
    Blocked,
    Unblocked,
}

/// What the broker made of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ack,
    Nack,
}
