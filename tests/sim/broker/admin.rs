//! What an administrator does and sees, and what a test looks at.

use super::declaration::{Arguments, Kind};
use super::queue::{Lost, Queue};
use super::{Broker, QueueState, Time};
use std::rc::Rc;
use work_queue::task::Task;

impl Broker {
    pub fn now(&self) -> Time {
        self.now
    }

    /// Makes a queue as another client did long ago.
    pub fn make_queue(&mut self, name: &str, kind: Kind, arguments: Arguments) {
        self.make(name, kind, arguments, None);
    }

    /// Deletes a queue with all that is in it.
    pub fn delete_queue(&mut self, name: &str) {
        self.remove(name);
    }

    /// A policy: the queue of this name refuses beyond this many messages.
    pub fn limit_length(&mut self, name: &str, limit: Option<u64>) {
        match limit {
            Some(limit) => self.policies.insert(name.to_owned(), limit),
            None => self.policies.remove(name),
        };
    }

    pub fn queue_names(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// How many messages of a queue are ready, or on their way to another one.
    pub fn stored(&self, name: &str) -> usize {
        self.queues.get(name).map_or(0, |queue| queue.ready.len())
    }

    pub fn state_of(&self, name: &str) -> Option<QueueState> {
        self.queues.get(name).map(|queue| queue.state)
    }

    /// What is ready in a queue, in its order.
    pub fn messages(&self, name: &str) -> Vec<Rc<Task>> {
        let ready = self.queues.get(name).map(|queue: &Queue| &queue.ready);
        let messages = ready.into_iter().flat_map(|ready| ready.values());
        messages.map(|message| Rc::clone(&message.task)).collect()
    }

    /// How many deliveries are not settled.
    pub fn unsettled(&self) -> usize {
        let channels = self
            .connections
            .values()
            .flat_map(|connection| connection.channels.values());
        channels.map(|channel| channel.unsettled.len()).sum()
    }

    /// What was lost because its queue was made just before the broker was killed.
    pub fn take_lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    /// What quorum queues dropped, because it came back too often.
    pub fn take_dropped(&mut self) -> Vec<Rc<Task>> {
        std::mem::take(&mut self.dropped)
    }
}
