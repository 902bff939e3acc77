//! A queue of tasks, by their numbers, and its consumers.

use super::worker::News;
use std::collections::{BTreeMap, VecDeque};

/// What a worker asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    Consume(u64),
    Cancel,
    /// By their tags.
    Acknowledge(Vec<u64>),
    Return(u64),
    /// How many consumers there are.
    Count,
    /// A copy of a task, by the number of the message.
    Publish(u64, usize),
}

/// Who consumes, and how much it may have.
#[derive(Debug, Default)]
struct Consumer {
    prefetch: Option<u64>,
    /// How many deliveries of the present consumer are unacknowledged; it begins behind this tag.
    taken: u64,
    begins_behind: u64,
    newest: u64,
    unacknowledged: BTreeMap<u64, usize>,
}

/// A queue.
#[derive(Debug)]
pub struct Queue {
    ready: VecDeque<usize>,
    consumers: BTreeMap<usize, Consumer>,
    /// Who is served last.
    turn: usize,
    done: usize,
    copies: usize,
    started: usize,
}

impl Queue {
    pub fn of(count: usize) -> Self {
        Self {
            ready: (0..count).collect(),
            consumers: BTreeMap::new(),
            turn: 0,
            done: 0,
            copies: 0,
            started: 0,
        }
    }

    /// How many tasks are done: acknowledged, and not in favour of a copy.
    pub fn done(&self) -> usize {
        self.done - self.copies
    }

    /// How many consumers there have been.
    pub fn consumers_started(&self) -> usize {
        self.started
    }

    /// What follows from a request.
    pub fn take(&mut self, from: usize, request: Request) -> Vec<(usize, News)> {
        let mut news = Vec::new();
        let consumer = self.consumers.entry(from).or_default();
        match request {
            Request::Consume(prefetch) => {
                self.started += 1;
                consumer.prefetch = Some(prefetch);
                (consumer.taken, consumer.begins_behind) = (0, consumer.newest);
                news.push((from, News::Consuming));
            }
            Request::Cancel => {
                consumer.prefetch = None;
                news.push((from, News::Stopped));
            }
            Request::Acknowledge(tags) => {
                for tag in tags {
                    assert!(consumer.unacknowledged.remove(&tag).is_some());
                    consumer.taken -= u64::from(tag > consumer.begins_behind);
                    self.done += 1;
                }
            }
            Request::Return(tag) => {
                let task = consumer.unacknowledged.remove(&tag).unwrap();
                consumer.taken -= u64::from(tag > consumer.begins_behind);
                self.ready.push_front(task);
            }
            Request::Count => {
                let consumers = self.consumers.values();
                let count = consumers.filter(|one| one.prefetch.is_some()).count();
                news.push((from, News::Counted(count)));
            }
            Request::Publish(number, task) => {
                self.copies += 1;
                self.ready.push_back(task);
                news.push((from, News::Confirmed(number)));
            }
        }
        self.deliver(&mut news);
        news
    }

    /// In turn, to those who may have more.
    fn deliver(&mut self, news: &mut Vec<(usize, News)>) {
        while !self.ready.is_empty() {
            let has_room =
                |consumer: &Consumer| consumer.prefetch.is_some_and(|most| consumer.taken < most);
            let able: Vec<usize> = self
                .consumers
                .iter()
                .filter(|(_, consumer)| has_room(consumer))
                .map(|(number, _)| *number)
                .collect();
            let next = able
                .iter()
                .find(|number| **number > self.turn)
                .or(able.first());
            let Some(number) = next else { return };
            self.turn = *number;
            let (Some(task), Some(consumer)) =
                (self.ready.pop_front(), self.consumers.get_mut(number))
            else {
                return;
            };
            consumer.newest += 1;
            consumer.taken += 1;
            consumer.unacknowledged.insert(consumer.newest, task);
            news.push((*number, News::Delivery(consumer.newest, task)));
        }
    }
}
