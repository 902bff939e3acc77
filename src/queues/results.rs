//! Queues that keep results until they are collected, and the addresses that a worker answers.

use super::{Destination, QueueName, QueueType};
use crate::amqp::{QueueArguments, Series};
use crate::base::escape::escape;
use crate::task::SHORT_STRING_MAX;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What follows the name of the work queue, before the name of the results.
const INFIX: &str = ".results.";

/// What follows the name of a results queue in that of the queue with its state.
const STATE: &str = ".state";

/// How often a message of a quorum queue may be delivered. Each collector that is interrupted counts
/// as a delivery for what it held, and beyond the limit (20 by default from RabbitMQ 4.0 on) the
/// broker discards the message.
const DELIVERY_LIMIT: i64 = 1_000_000_000;

/// The name of results, as the user gives it or as a UUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsName(String);

impl ResultsName {
    /// A name that nobody else has.
    #[must_use]
    pub fn unique() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The name as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The queue of these results next to `work`; `None` if its name would be too long.
    #[must_use]
    pub fn queue(&self, work: &QueueName) -> Option<String> {
        let name = format!("{}{INFIX}{}", work.as_str(), self.0);
        // The longest of the names that are made of it.
        let longest = name.len() + STATE.len() + ".lock".len();
        (longest <= SHORT_STRING_MAX).then_some(name)
    }
}

impl FromStr for ResultsName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.ends_with(STATE) {
            return Err(format!("names of results must not end with `{STATE}`"));
        }
        if text.len() > SHORT_STRING_MAX {
            return Err(format!("it is longer than {SHORT_STRING_MAX} bytes"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The name as it is shown.
impl fmt::Display for ResultsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(self.0.as_bytes()))
    }
}

/// A queue that keeps results until they are collected.
#[derive(Clone, Debug)]
pub struct ResultsQueue {
    /// The name of the results.
    pub results: ResultsName,
    /// Its name.
    pub name: String,
    /// Its type.
    pub queue_type: QueueType,
    /// The broker deletes it after this time without a collector.
    pub expires: Duration,
}

impl ResultsQueue {
    /// What it is declared with.
    #[must_use]
    pub fn arguments(&self) -> QueueArguments {
        let arguments = QueueArguments::default()
            .with_text("x-queue-type", self.queue_type.name())
            .with_milliseconds("x-expires", self.expires);
        match self.queue_type {
            QueueType::Classic => arguments,
            QueueType::Quorum => arguments.with_number("x-delivery-limit", DELIVERY_LIMIT),
        }
    }

    /// The queue that says how many results there will be, and which were collected.
    #[must_use]
    pub fn state(&self) -> Self {
        Self {
            name: format!("{}{STATE}", self.name),
            ..self.clone()
        }
    }
}

/// How long a result may wait for its turn at a collector (`x-consumer-timeout`): a year stands for
/// ever. Only quorum queues of RabbitMQ 4.3 and later take the argument.
#[must_use]
pub fn results_consumer_timeout(queue_type: QueueType, series: Series) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    (queue_type == QueueType::Quorum && series >= (4, 3)).then_some(LONGEST)
}

/// Which addresses a worker answers. A task must not make it write into just any queue.
#[derive(Clone, Debug)]
pub struct ReplyPolicy {
    /// How the names of the work queue's own results queues begin.
    results: String,
    /// Queues that the user names.
    named: Vec<QueueName>,
}

impl ReplyPolicy {
    /// Of a worker on `work`, whose user allows the queues `named` as well.
    #[must_use]
    pub fn new(work: &QueueName, named: Vec<QueueName>) -> Self {
        Self {
            results: format!("{}{INFIX}", work.as_str()),
            named,
        }
    }

    /// Where the answer to a task with this `reply_to` goes; `None`: nowhere.
    #[must_use]
    pub fn destination(&self, reply_to: &str) -> Option<Destination> {
        // Exclusive queues of other clients, as those of RabbitMQ's tutorial on RPC, have names that
        // the broker makes up.
        let transient = ["amq.rabbitmq.reply-to.", "amq.gen-"];
        if transient.iter().any(|prefix| reply_to.starts_with(prefix)) {
            return Some(Destination::Reply(reply_to.to_owned()));
        }
        let is_ours = reply_to.starts_with(&self.results) && !reply_to.ends_with(STATE);
        let is_allowed = is_ours || self.named.iter().any(|name| name.as_str() == reply_to);
        is_allowed.then(|| Destination::Results(reply_to.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_cannot_choose_just_any_queue() {
        let policy = ReplyPolicy::new(&"q".parse().unwrap(), vec!["mine".parse().unwrap()]);
        let reply = |name: &str| Some(Destination::Reply(name.to_owned()));
        let results = |name: &str| Some(Destination::Results(name.to_owned()));
        for name in ["amq.rabbitmq.reply-to.x", "amq.gen-x"] {
            assert_eq!(policy.destination(name), reply(name));
        }
        for name in ["q.results.x", "mine"] {
            assert_eq!(policy.destination(name), results(name));
        }
        for name in ["q", "q.dead", "q.results.x.state", "other.results.x", ""] {
            assert_eq!(policy.destination(name), None);
        }
    }

    #[test]
    fn names_leave_room_for_the_queues() {
        assert!("".parse::<ResultsName>().is_err());
        assert!("a.state".parse::<ResultsName>().is_err());
        let name: ResultsName = "n".repeat(240).parse().unwrap();
        assert_eq!(name.queue(&"queue".parse().unwrap()), None);
        let queue = name.queue(&"q".parse().unwrap());
        assert_eq!(queue.map(|name| name.len()), None);
        assert!(ResultsName::unique().queue(&"q".parse().unwrap()).is_some());
    }
}
