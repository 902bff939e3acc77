//! Tasks whose outcome is waited for.

use super::pending::Parcel;
use crate::amqp::Delivery;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use uuid::Uuid;

/// The outcome of a task, as the worker that did it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the task's command wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub stderr: String,
    /// `done`, `dead-lettered` or `dropped`.
    pub outcome: String,
    /// Its exit code, where it ended by itself.
    pub exit_code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where it was done.
    pub host: Option<String>,
    /// How long it took, the last time.
    pub duration: Option<Duration>,
    /// stdout is not whole, as it was too large to send.
    pub is_truncated: bool,
    /// The id of the task.
    pub id: String,
}

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

/// Tasks whose outcome is waited for, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Unanswered(HashMap<u64, Id>);

impl Unanswered {
    /// This task is about to be sent.
    pub(super) fn expect(&mut self, parcel: &Parcel) {
        self.0.insert(parcel.number, Id::from(parcel.task.id()));
    }

    /// No answer will come to this one.
    pub(super) fn forget(&mut self, number: u64) {
        self.0.remove(&number);
    }

    pub(super) fn is_expected(&self, number: u64) -> bool {
        self.0.contains_key(&number)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The task's number and outcome, unless it was told before.
    pub(super) fn answered(&mut self, delivery: Delivery) -> Option<(u64, Answer)> {
        let properties = &delivery.properties;
        let number = properties.correlation_id()?.parse().ok()?;
        let id = self.0.remove(&number)?.into();
        let number_in = |name: &str| properties.header(name).and_then(|text| text.parse().ok());
        let answer = Answer {
            stderr: properties.header("task-stderr").unwrap_or_default(),
            outcome: properties.header("task-outcome").unwrap_or_default(),
            exit_code: properties
                .header("task-exit-code")
                .and_then(|text| text.parse().ok()),
            signal: properties
                .header("task-signal")
                .and_then(|text| text.parse().ok()),
            error: properties.header("task-error"),
            host: properties.header("task-host"),
            duration: number_in("task-duration-ms").map(Duration::from_millis),
            is_truncated: properties.header("task-truncated").is_some(),
            stdout: delivery.body,
            id,
        };
        Some((number, answer))
    }

    /// Gives all of them up but those that are sent again. The numbers
    /// and ids of the former, in order.
    pub(super) fn take_except(&mut self, again: &VecDeque<Parcel>) -> Vec<(u64, String)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        for parcel in again {
            self.0.remove(&parcel.number);
        }
        let given_up = self.0.drain().map(|(number, id)| (number, id.into()));
        let mut given_up: Vec<_> = given_up.collect();
        given_up.sort_unstable();
        given_up
    }
}
