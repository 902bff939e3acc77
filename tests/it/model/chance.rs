//! Scripts that chance writes: what the claims leave out. With one consumer at a time, since the order
//! between several is not claimed.

use super::broker::declaration::{Answer, Arguments};
use super::broker::method::{ChannelId, Request, Settle};
use super::claims::{consume, durable, passive, publish, quorum, settle};
use super::random::Random;
use super::{Comparison, Step};
use crate::env::{shared, unique};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

const PUBLISHER: ChannelId = 1;
const CONSUMER: ChannelId = 2;
const FETCHER: ChannelId = 5;

/// A script that is written while it runs.
struct Script {
    random: Random,
    queue: String,
    comparison: Comparison<'static>,
    /// What each client holds, by tag.
    held: BTreeMap<ChannelId, Vec<u64>>,
    published: u32,
}

impl Script {
    fn run(&mut self, client: ChannelId, request: Request) {
        self.step(&Step::Ask(client, request));
    }

    fn step(&mut self, step: &Step) {
        for seen in self.comparison.step(step) {
            let (client, what) = seen.split_once(": ").unwrap();
            let client: ChannelId = client.parse().unwrap();
            if let Some(delivered) = what.strip_prefix("delivered ") {
                let tag = delivered.split([' ', ':']).next().unwrap();
                let held = self.held.entry(client).or_default();
                held.push(tag.parse().unwrap());
            }
            if what.starts_with("closed") {
                self.held.remove(&client);
            }
        }
    }

    fn go_on(&mut self) {
        let consumer = CONSUMER;
        match self.random.below(10) {
            0..=3 => {
                self.published += 1;
                let request = publish(&self.queue, &self.published.to_string());
                self.run(PUBLISHER, request);
            }
            4 if !self.held.contains_key(&consumer) => {
                self.held.insert(consumer, Vec::new());
                let prefetch = u16::try_from(self.random.below(4)).unwrap();
                self.run(consumer, Request::Prefetch(prefetch));
                self.run(consumer, consume(&self.queue, 1));
            }
            5 if self.held.contains_key(&consumer) && self.random.chance(40) => {
                self.held.remove(&consumer);
                self.step(&Step::Leave(consumer));
                // What it held is back a moment later: this waits for it.
                self.run(PUBLISHER, passive(&self.queue));
            }
            6 if self.random.chance(20) => {
                self.run(FETCHER, Request::Get(self.queue.clone()));
            }
            6 if self.random.chance(30) => self.run(PUBLISHER, passive(&self.queue)),
            7 if self.random.chance(20) => self.settle(FETCHER),
            _ => self.settle(consumer),
        }
    }

    fn settle(&mut self, consumer: ChannelId) {
        let Some(held) = self.held.get_mut(&consumer).filter(|held| !held.is_empty()) else {
            return;
        };
        held.sort_unstable();
        let place = self.random.index(held.len());
        let tag = held[place];
        let how = *self
            .random
            .pick(&[Settle::Ack, Settle::Ack, Settle::Nack, Settle::Reject]);
        let multiple = how != Settle::Reject && self.random.chance(30);
        if multiple {
            held.drain(..=place);
        } else {
            held.remove(place);
        }
        self.run(consumer, settle(tag, multiple, how));
    }
}

fn scripts(arguments: &Arguments) {
    // What is found here is to be found again: the failure shows the whole script.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = u64::from(now.subsec_nanos());
    for seed in seed..seed + 8 {
        let mut script = Script {
            random: Random::new(seed),
            queue: unique("chance"),
            comparison: Comparison::new(shared()),
            held: BTreeMap::new(),
            published: 0,
        };
        let queue = script.queue.clone();
        script.run(PUBLISHER, durable(&queue, arguments));
        script.run(PUBLISHER, Request::Confirms(Answer::Wanted));
        for _ in 0..40 {
            script.go_on();
        }
        script.run(90, Request::Delete(queue));
    }
}

#[test]
fn classic_queues() {
    scripts(&Arguments::default());
}

#[test]
fn quorum_queues() {
    scripts(&quorum());
}

#[test]
fn quorum_queues_with_a_delivery_limit() {
    scripts(&quorum().with_number("x-delivery-limit", 2));
}
