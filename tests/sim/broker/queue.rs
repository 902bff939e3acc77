//! A durable queue: what is ready, who consumes, and what comes back where.

use super::Series;
use super::declaration::{Arguments, Kind};
use super::message::{Message, Stay};
use super::method::{ChannelId, ConnectionId, ConsumerTag, Settle};
use super::{Random, Time};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Quorum queues that were made less than this before the broker is killed lose what they had.
const YOUNG: Duration = Duration::from_secs(1);

/// How late an acknowledgement may reach the disk.
const LATE: Duration = Duration::from_secs(2);

/// Messages come back before those that are fresh.
pub const FRESH: u64 = 1 << 40;

/// A consumer, as its queue knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriber {
    pub connection: ConnectionId,
    pub channel: ChannelId,
    pub consumer: ConsumerTag,
}

/// What a queue lost with the broker that was young when that was killed.
#[derive(Clone, Debug)]
pub struct Lost {
    pub message: Message,
    /// When the queue was made, and by whom.
    pub made: (Time, ConnectionId),
}

/// Whether a queue can take and hand out messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// The node of a classic queue is down.
    NodeDown,
    /// A quorum queue has no leader now, and gets one again.
    Electing,
    /// A quorum queue has lost its leader permanently.
    Dead,
}

/// A durable queue.
#[derive(Debug)]
pub struct Queue {
    pub kind: Kind,
    /// As it was declared.
    pub arguments: Arguments,
    /// When, and by whom. None: before the world began.
    pub made: Option<(Time, ConnectionId)>,
    pub state: State,
    /// When it has a leader again.
    pub elected: Option<Time>,
    /// What is ready, by place.
    pub ready: BTreeMap<u64, Message>,
    /// In the order of their turns.
    pub consumers: VecDeque<Subscriber>,
    /// Consumers that had no room when it was their turn.
    pub without_room: Vec<Subscriber>,
    /// What was acknowledged a moment ago: a broker that is killed may not have noted it.
    settled: VecDeque<(Time, Message)>,
}

impl Queue {
    pub fn new(kind: Kind, arguments: Arguments, made: Option<(Time, ConnectionId)>) -> Self {
        Self {
            kind,
            arguments,
            made,
            state: State::Running,
            elected: None,
            ready: BTreeMap::new(),
            consumers: VecDeque::new(),
            without_room: Vec::new(),
            settled: VecDeque::new(),
        }
    }

    /// How many are ready, as the broker tells it: none that has expired, though it may wait here for
    /// a place in the next queue.
    pub fn len(&self) -> u64 {
        let there = self
            .ready
            .values()
            .filter(|message| message.stay == Stay::Here);
        there.count() as u64
    }

    /// Whether another message is refused, under a policy that sets this length.
    pub fn is_full(&self, policy: Option<u64>) -> bool {
        let limits = [self.arguments.max_length(), policy];
        let Some(limit) = limits.into_iter().flatten().min() else {
            return false;
        };
        match self.kind {
            Kind::Classic => self.len() >= limit,
            // A quorum queue tells its senders to stop when it is beyond its limit already.
            Kind::Quorum => self.len() > limit,
        }
    }

    /// Takes a message, at the back. `number` is higher than those before. Returns its place.
    pub fn push(&mut self, mut message: Message, number: u64, now: Time) -> u64 {
        message.serial = number;
        message.place = FRESH + number;
        message.expires = self.arguments.message_ttl().map(|ttl| now + ttl);
        self.ready.insert(FRESH + number, message);
        FRESH + number
    }

    /// What is handed out next, unless the head is about to expire.
    pub fn pop(&mut self) -> Option<Message> {
        let head = self.ready.first_entry()?;
        if head.get().stay != Stay::Here {
            return None;
        }
        Some(head.remove())
    }

    /// How many consumers there are.
    pub fn subscribed(&self) -> usize {
        self.consumers.len() + self.without_room.len()
    }

    /// All consumers, which are no more.
    pub fn take_consumers(&mut self) -> Vec<Subscriber> {
        let mut all: Vec<Subscriber> = self.consumers.drain(..).collect();
        all.append(&mut self.without_room);
        all
    }

    pub fn unsubscribe(&mut self, gone: Subscriber) {
        self.consumers.retain(|subscriber| *subscriber != gone);
        self.without_room.retain(|subscriber| *subscriber != gone);
    }

    /// A consumer has room again: its turn comes after all others.
    pub fn has_room_again(&mut self, subscriber: Subscriber) {
        let mut waiting = self.without_room.iter();
        if let Some(place) = waiting.position(|one| *one == subscriber) {
            self.without_room.swap_remove(place);
            self.consumers.push_back(subscriber);
        }
    }

    /// How often a message may come back.
    pub fn delivery_limit(&self, series: Series) -> Option<u64> {
        let by_default = (series >= Series::V4_0).then_some(20);
        let limit = self.arguments.delivery_limit().or(by_default);
        limit.filter(|_| self.kind == Kind::Quorum)
    }

    /// Puts back what was handed out and came back by `how`; `None`: its consumer went. Returns
    /// what has come back too often: it is gone.
    #[must_use]
    pub fn put_back(
        &mut self,
        mut message: Message,
        how: Option<Settle>,
        number: u64,
        series: Series,
    ) -> Option<Message> {
        message.redelivered = true;
        if self.kind == Kind::Classic {
            self.ready.insert(message.place, message);
            return None;
        }
        message.acquired += 1;
        if series < Series::V4_3 || how != Some(Settle::Nack) {
            message.returns += 1;
        }
        let limit = self.delivery_limit(series);
        if limit.is_some_and(|limit| message.returns > limit) {
            return Some(message);
        }
        // Without a limit, what a client returns goes to the back.
        let to_the_back = limit.is_none() && how.is_some();
        message.place = number + if to_the_back { FRESH } else { 0 };
        self.ready.insert(message.place, message);
        None
    }

    /// Notes that a message was acknowledged.
    pub fn settle(&mut self, message: Message, now: Time) {
        while let Some((at, _)) = self.settled.front() {
            if *at + LATE >= now {
                break;
            }
            self.settled.pop_front();
        }
        self.settled.push_back((now, message));
    }

    /// The broker is killed: what was not confirmed may be lost, from some moment on, and
    /// acknowledgements of the last moment may be forgotten. Returns what was lost although it may
    /// have been confirmed, because the queue was so young.
    pub fn survive(&mut self, now: Time, series: Series, random: &mut Random) -> Vec<Lost> {
        self.consumers.clear();
        self.without_room.clear();
        if self.state == State::Electing {
            self.state = State::Running;
            self.elected = None;
        }
        let settled = std::mem::take(&mut self.settled);
        let young = self
            .made
            .filter(|(made, _)| self.kind == Kind::Quorum && *made + YOUNG > now);
        if let Some(made) = young {
            let lost = std::mem::take(&mut self.ready).into_values();
            // Before 4.0 its directory of members is lost as well.
            if series < Series::V4_0 {
                self.state = State::Dead;
            }
            return lost.map(|message| Lost { message, made }).collect();
        }
        for (at, mut message) in settled {
            if at + LATE > now && message.safe && random.chance(50) {
                message.redelivered = true;
                self.ready.insert(message.place, message);
            }
        }
        let mut lost = false;
        self.ready.retain(|_, message| {
            lost |= !message.safe && random.chance(30);
            message.safe || !lost
        });
        for message in self.ready.values_mut() {
            message.safe = true;
            message.is_back();
            // A classic queue does not know any more which ones it had handed out.
            message.redelivered |= self.kind == Kind::Classic;
        }
        Vec::new()
    }
}
