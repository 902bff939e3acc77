//! A model of RabbitMQ, as far as two commands over work queues meet it: a pure library with a clock
//! that stands until it is told the time, and chance that a seed decides.
//!
//! What it claims about RabbitMQ is checked against a real one by `tests/it/model/`.

mod admin;
mod channel;
mod confirms;
mod connection;
mod consuming;
pub mod declaration;
mod declaring;
mod expiry;
mod message;
pub mod method;
mod power;
mod publishing;
mod queue;
mod settling;
mod timeouts;
mod timers;

pub use connection::Input;
pub use consuming::DIRECT_REPLY_TO as ASKS;
pub use publishing::DIRECT_REPLY;
#[allow(
    unused_imports,
    reason = "the comparison with real brokers alone asks for it"
)]
pub use publishing::FRAME_MAX;
pub use queue::State as QueueState;

use super::random::Random;
use connection::Connection;
use declaration::Kind;
use method::{ChannelId, ConnectionId, Reply};
use queue::{Lost, Queue};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use timers::Timers;
use work_queue::task::Task;

/// Virtual time since the world began.
pub type Time = Duration;

/// The series of RabbitMQ that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    V3_10,
    V4_0,
    V4_3,
}

/// What an administrator has set.
#[derive(Clone, Debug)]
pub struct Settings {
    pub series: Series,
    /// The vhost's default queue type.
    pub default_type: Kind,
    /// The largest body, in bytes.
    pub max_message_size: usize,
    /// A larger body than this, in bytes, ends the connection with this code: a fault of the broker's
    /// own.
    pub deadly: Option<(usize, u16)>,
    /// After this time without an acknowledgement the broker gives a consumer up.
    pub consumer_timeout: Duration,
    pub permissions: Permissions,
    /// The name of all users.
    pub user: String,
    /// After this time a message that has expired, and could not reach the next queue, is sent
    /// again.
    pub transfers_again: Duration,
    /// The longest a healthy queue takes until it confirms.
    pub confirm_within: Duration,
}

/// What users may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    All,
    /// They may not declare.
    NoConfigure,
    /// They may not publish.
    NoWrite,
}

impl Settings {
    pub fn new(series: Series) -> Self {
        Self {
            series,
            default_type: Kind::Classic,
            max_message_size: match series {
                Series::V3_10 => 128 << 20,
                Series::V4_0 | Series::V4_3 => 16 << 20,
            },
            deadly: None,
            consumer_timeout: Duration::from_secs(30 * 60),
            permissions: Permissions::All,
            user: "guest".to_owned(),
            transfers_again: Duration::from_secs(180),
            confirm_within: Duration::from_millis(10),
        }
    }
}

/// The broker: one node.
#[derive(Debug)]
pub struct Broker {
    pub settings: Settings,
    now: Time,
    random: Random,
    queues: BTreeMap<String, Queue>,
    /// The length of queues as policies limit it: as `x-max-length` with `reject-publish`.
    policies: BTreeMap<String, u64>,
    connections: BTreeMap<ConnectionId, Connection>,
    connected: u32,
    /// How often a message was put into a queue.
    puts: u64,
    timers: Timers,
    /// Channels on which a confirm is to be told.
    to_confirm: Vec<(ConnectionId, ChannelId)>,
    /// A memory alarm: connections that publish are blocked.
    alarm: Alarm,
    power: Power,
    /// Whether deliveries are looked at now and then.
    watches: bool,
    /// What came back to a quorum queue too often.
    dropped: Vec<Rc<Task>>,
    /// What was lost with young queues.
    lost: Vec<Lost>,
    outbox: Vec<Sent>,
}

/// Whether there is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    Off,
    On,
}

/// Whether the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    On,
    /// Its process is stopped in mid-air.
    Frozen,
    Off,
}

/// What the broker said.
#[derive(Clone, Debug)]
pub struct Sent {
    pub connection: ConnectionId,
    /// 0: the connection itself.
    pub channel: ChannelId,
    pub reply: Reply,
}

impl Broker {
    pub fn new(settings: Settings, random: Random) -> Self {
        Self {
            settings,
            now: Time::ZERO,
            random,
            queues: BTreeMap::new(),
            policies: BTreeMap::new(),
            connections: BTreeMap::new(),
            connected: 0,
            puts: 0,
            timers: Timers::default(),
            to_confirm: Vec::new(),
            alarm: Alarm::Off,
            power: Power::On,
            watches: false,
            dropped: Vec::new(),
            lost: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// When something happens of itself.
    pub fn next_due(&self) -> Option<Time> {
        match self.power {
            Power::On => self.timers.next_due(),
            Power::Frozen | Power::Off => None,
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.power != Power::On {
            return;
        }
        while let Some((at, due)) = self.timers.pop_due(self.now) {
            self.happen(at, due);
        }
        self.tell_confirms();
    }

    /// What the broker has said since it was last asked.
    pub fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.outbox)
    }

    fn say(&mut self, connection: ConnectionId, channel: ChannelId, reply: Reply) {
        self.outbox.push(Sent {
            connection,
            channel,
            reply,
        });
    }

    fn has(&self, connection: ConnectionId) -> bool {
        self.connections.contains_key(&connection)
    }
}
