//! Results that are waited for.

use super::collect::{Numbers, ResultKey, Run, State};
use super::pending::PendingTask;
use super::task_result::TaskResult;
use crate::amqp::{AckToken, DIRECT_REPLY_TO, Delivery, Properties};
use crate::publisher::ResultsFrom;
use crate::queues::ResultsQueue;
use std::collections::HashMap;
use uuid::Uuid;

/// An id in little space: millions may be waited for.
#[derive(Debug)]
enum Id {
    Uuid(Uuid),
    Text(Box<str>),
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        // Other ways of writing a UUID would not come out as they went in.
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.to_string() == text => Self::Uuid(uuid),
            _ => Self::Text(text.into()),
        }
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id {
            Id::Uuid(uuid) => uuid.to_string(),
            Id::Text(text) => text.into(),
        }
    }
}

/// A task whose result is waited for.
#[derive(Debug)]
struct AwaitedResult {
    id: Id,
    /// The channel that it was published on, of all that there were.
    channel: u64,
    /// The broker has confirmed it, so that it will not be published again.
    is_confirmed: bool,
}

/// Tasks whose results are waited for, by their numbers. Without a queue that keeps it, a result
/// comes to the channel that its task was published on, or not at all.
#[derive(Debug)]
pub(super) struct AwaitedResults {
    awaited: HashMap<u64, AwaitedResult>,
    from: ResultsFrom,
    /// Names the tasks of this command among those of all that have sent with these results.
    run: Uuid,
    /// Came, and were printed or kept in order; of these, not after all.
    came: Numbers,
    unprinted: Vec<u64>,
    /// The present channel.
    channel: u64,
}

impl AwaitedResults {
    /// Results that come from this queue, or straight to the channel.
    pub(super) fn new(queue: Option<ResultsQueue>) -> Self {
        Self {
            awaited: HashMap::new(),
            from: queue.map_or(ResultsFrom::DirectReply, ResultsFrom::Queue),
            run: Uuid::now_v7(),
            came: Numbers::default(),
            unprinted: Vec::new(),
            channel: 0,
        }
    }

    /// Where they come from.
    pub(super) fn from(&self) -> &ResultsFrom {
        &self.from
    }

    /// The queue cannot be used.
    pub(super) fn come_straight(&mut self) {
        self.from = ResultsFrom::DirectReply;
    }

    /// The properties of a task whose result is to come here.
    pub(super) fn address(&self, properties: Properties, number: u64) -> Properties {
        match &self.from {
            ResultsFrom::DirectReply => properties
                .with_reply_to(DIRECT_REPLY_TO.to_owned())
                .with_correlation_id(number.to_string()),
            ResultsFrom::Queue(queue) | ResultsFrom::Collected(queue) => {
                let key = ResultKey {
                    run: self.run,
                    number,
                };
                addressed(properties, queue, key)
            }
        }
    }

    /// The number of a task of ours.
    fn number(&self, correlation_id: &str) -> Option<u64> {
        match self.from {
            ResultsFrom::DirectReply => correlation_id.parse().ok(),
            ResultsFrom::Queue(_) | ResultsFrom::Collected(_) => {
                let key = ResultKey::parse(correlation_id)?;
                (key.run == self.run).then_some(key.number)
            }
        }
    }

    /// How many results another command can collect from the queue that keeps them, and what it must
    /// know for that. Those that are `held` came, and were not printed.
    pub(super) fn left(&self, held: &[u64]) -> (u64, State) {
        let mut sent = self.came.clone();
        let confirmed = self.awaited.iter().filter(|(_, task)| task.is_confirmed);
        confirmed.for_each(|(number, _)| sent.insert(*number));
        let mut done = self.came.clone();
        for number in held.iter().chain(&self.unprinted) {
            done.remove(*number);
        }
        let left = sent.len_without(&done);
        (left, State::of(self.run, Run::closed(sent, done)))
    }

    /// This task is about to be sent.
    pub(super) fn expect(&mut self, task: &PendingTask) {
        let awaited = AwaitedResult {
            id: Id::from(task.task.id()),
            channel: self.channel,
            is_confirmed: false,
        };
        self.awaited.insert(task.number, awaited);
    }

    /// It is published on the present channel.
    pub(super) fn published(&mut self, number: u64) {
        if let Some(awaited) = self.awaited.get_mut(&number) {
            awaited.channel = self.channel;
        }
    }

    /// It is confirmed. Its number and id if no result will come, as its channel is gone.
    pub(super) fn confirmed(&mut self, number: u64) -> Option<(u64, String)> {
        let awaited = self.awaited.get_mut(&number)?;
        awaited.is_confirmed = true;
        if awaited.channel == self.channel || !matches!(self.from, ResultsFrom::DirectReply) {
            return None;
        }
        let awaited = self.awaited.remove(&number)?;
        Some((number, awaited.id.into()))
    }

    /// This one came, and could not be printed.
    pub(super) fn not_printed(&mut self, number: u64) {
        self.unprinted.push(number);
    }

    /// No result will come to this one.
    pub(super) fn forget(&mut self, number: u64) {
        self.awaited.remove(&number);
    }

    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
    }

    /// A result came.
    pub(super) fn came(&mut self, delivery: Delivery) -> Came {
        let number = delivery.properties.correlation_id();
        let Some(number) = number.and_then(|number| self.number(number)) else {
            return Came::Foreign(delivery.token);
        };
        match self.awaited.remove(&number) {
            Some(awaited) => {
                self.came.insert(number);
                Came::New(number, TaskResult::new(delivery, awaited.id.into()))
            }
            None => Came::Again(number, delivery.token),
        }
    }

    /// The channel is gone. The numbers and ids, in order, of the tasks whose results will not
    /// come; the others are published again.
    pub(super) fn channel_gone(&mut self) -> Vec<(u64, String)> {
        match self.from {
            ResultsFrom::DirectReply => self.gone(),
            ResultsFrom::Queue(_) | ResultsFrom::Collected(_) => Vec::new(),
        }
    }

    /// All results that were on their way are gone: the numbers and ids of their tasks.
    pub(super) fn gone(&mut self) -> Vec<(u64, String)> {
        self.channel += 1;
        let (gone, left): (HashMap<_, _>, _) = std::mem::take(&mut self.awaited)
            .into_iter()
            .partition(|(_, awaited)| awaited.is_confirmed);
        self.awaited = left;
        let ids = gone
            .into_iter()
            .map(|(number, awaited)| (number, awaited.id.into()));
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids
    }
}

/// The properties of a task whose result goes to this queue.
pub(super) fn addressed(
    properties: Properties,
    queue: &ResultsQueue,
    key: ResultKey,
) -> Properties {
    properties
        .with_reply_to(queue.name.clone())
        .with_correlation_id(key.text())
}

/// What a message with a result is.
#[derive(Debug)]
pub(super) enum Came {
    /// A task's first result, by its number.
    New(u64, TaskResult),
    /// One more of a task that was done twice, or the same over another channel.
    Again(u64, AckToken),
    /// No result of ours.
    Foreign(AckToken),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_task::record::RecordEnd;
    use crate::task::{TaskOptions, Template};

    fn expecting(count: u64) -> AwaitedResults {
        let template = Template::new(&TaskOptions::default());
        let mut results = AwaitedResults::new(None);
        for number in 1..=count {
            let task = template.task(b"body".to_vec());
            let end = RecordEnd::Lf;
            results.expect(&PendingTask { number, task, end });
        }
        results
    }

    fn numbers(gone: &[(u64, String)]) -> Vec<u64> {
        gone.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn with_the_channel_go_the_results_of_what_is_confirmed() {
        let mut results = expecting(4);
        assert_eq!(results.confirmed(1), None);
        assert_eq!(results.confirmed(3), None);
        assert_eq!(numbers(&results.channel_gone()), [1, 3]);
        // Confirmed late, by a queue that was too young before.
        assert!(results.confirmed(2).is_some());
        results.published(4);
        assert_eq!(results.confirmed(4), None);
        assert_eq!(numbers(&results.channel_gone()), [4]);
        assert!(results.is_empty());
    }
}
