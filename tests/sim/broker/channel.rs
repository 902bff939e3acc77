//! A channel: what it published, what it was handed.

use super::Time;
use super::confirms::Confirms;
use super::message::Message;
use super::method::{ConsumerTag, Reply, Settlement};
use std::collections::{BTreeMap, BTreeSet};

/// An open channel.
#[derive(Debug, Default)]
pub struct Channel {
    /// In confirm mode.
    pub confirms: Option<Confirms>,
    /// For consumers to come; 0 is unlimited.
    pub prefetch: u16,
    pub consumers: BTreeMap<ConsumerTag, Consumer>,
    /// What was handed out and is not settled, by delivery tag.
    pub unsettled: BTreeMap<u64, Unsettled>,
    /// Tags that were taken away from their consumer: settling them late is no mistake.
    pub lapsed: BTreeSet<u64>,
    /// The consumer of answers to what is published here.
    pub direct: Option<ConsumerTag>,
    /// Deliveries that the queue has made, and the channel has yet to send: it answers a request
    /// first that it is busy with.
    pub mailbox: Vec<Reply>,
    delivered: u64,
}

/// A consumer of a channel.
#[derive(Debug)]
pub struct Consumer {
    pub queue: String,
    pub prefetch: u16,
    pub settlement: Settlement,
    /// How many of its deliveries are unsettled, as the broker counts.
    pub held: i32,
}

/// A delivery that is not settled.
#[derive(Debug)]
pub struct Unsettled {
    pub queue: String,
    /// None: it was fetched.
    pub consumer: Option<ConsumerTag>,
    pub message: Message,
    pub since: Time,
}

impl Consumer {
    /// Whether it is handed another message.
    pub fn has_room(&self) -> bool {
        self.prefetch == 0
            || self.settlement == Settlement::ByTheBroker
            || self.held < i32::from(self.prefetch)
    }
}

impl Channel {
    /// The tag of the next delivery.
    pub fn next_tag(&mut self) -> u64 {
        self.delivered += 1;
        self.delivered
    }

    /// Takes out what an acknowledgement names. None: it names nothing that is there.
    pub fn take(&mut self, tag: u64, multiple: bool) -> Option<Vec<Unsettled>> {
        if !multiple {
            return Some(vec![self.unsettled.remove(&tag)?]);
        }
        if tag != 0 && !self.unsettled.contains_key(&tag) {
            return None;
        }
        let later = match tag {
            0 => BTreeMap::new(),
            _ => self.unsettled.split_off(&(tag + 1)),
        };
        let taken = std::mem::replace(&mut self.unsettled, later);
        Some(taken.into_values().collect())
    }

    /// Takes away all that came from `queue`.
    pub fn take_all_of(&mut self, queue: &str) -> Vec<Unsettled> {
        let tags = self.unsettled.iter();
        let tags: Vec<u64> = tags
            .filter(|(_, held)| held.queue == queue)
            .map(|(tag, _)| *tag)
            .collect();
        self.lapsed.extend(&tags);
        tags.iter()
            .filter_map(|tag| self.unsettled.remove(tag))
            .collect()
    }

    /// A consumer may be handed one more.
    pub fn release(&mut self, consumer: ConsumerTag) {
        if let Some(consumer) = self.consumers.get_mut(&consumer) {
            consumer.held -= 1;
        }
    }
}
