//! Declaring the work queue: one place, for both commands.

use super::{QueueName, QueueType, make_durable, may_forget};
use crate::amqp::{Channel, Link, QueueArguments, Series};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::base::refusal::Mismatch;

/// Whether the queue is declared or used as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declare {
    /// Declared: made where it is missing.
    Yes,
    /// Used as it stands, for users without configure permission.
    No,
}

/// The work queue as the user wants it. It is always durable.
#[derive(Clone, Debug)]
pub struct WorkQueue {
    /// Its name.
    pub name: QueueName,
    /// Its type, where the user cares.
    pub queue_type: Option<QueueType>,
    /// Its number of priorities, for a classic queue.
    pub max_priority: Option<u8>,
    /// Whether it is declared.
    pub declare: Declare,
}

impl WorkQueue {
    fn arguments(&self) -> QueueArguments {
        let mut arguments = QueueArguments::default();
        if let Some(queue_type) = self.queue_type {
            arguments = arguments.with_text("x-queue-type", queue_type.name());
        }
        if let Some(max_priority) = self.max_priority {
            arguments = arguments.with_number("x-max-priority", i64::from(max_priority));
        }
        arguments
    }

    /// Declares the queue without waiting for the answer. If it is refused the channel closes;
    /// then [`WorkQueue::open`] finds out what can be done.
    pub fn declare_nowait(&self, channel: &Channel) -> Result<(), Fault> {
        match self.declare {
            Declare::Yes => channel.declare_nowait(self.name.as_str(), &self.arguments()),
            Declare::No => Ok(()),
        }
    }

    /// Opens a channel on which the queue is declared.
    ///
    /// A queue that exists with another type is used as it is, unless the user stated one. The
    /// official tutorials declare theirs plain until March 2026 and `quorum` since, and ours must
    /// work next to both.
    pub fn open(&self, link: &mut Link) -> Result<(Channel, KnownQueue), Fault> {
        let channel = link.channel()?;
        if self.declare == Declare::No {
            return Ok((channel, KnownQueue::as_it_stands()));
        }
        match channel.declare(self.name.as_str(), &self.arguments()) {
            Ok(found) => {
                // Where tasks or workers are it was not made just now.
                let is_old = found.ready > 0 || found.consumers > 0;
                let channel = if is_old || !may_forget(link.series()) {
                    channel
                } else {
                    match make_durable(channel, self.name.as_str())? {
                        Some(channel) => channel,
                        None => link.channel()?,
                    }
                };
                self.learn_type(link, channel)
            }
            Err(fault) => {
                // Closed by the refusal; dropped before another one is opened.
                drop(channel);
                match self.other_type(&fault) {
                    Some(current) => self.adopt(link, current),
                    None => Err(link.diagnose(fault)),
                }
            }
        }
    }

    /// The real type of the queue, which was declared on `channel` without a refusal.
    ///
    /// A plain declaration makes a queue of the vhost's default type, and holds for one that has
    /// that type. So the queue is declared once more as a classic one: one round trip where it is
    /// one, three where it is not, for each connection. No broker makes a plain declaration a
    /// quorum queue before 3.11.
    fn learn_type(
        &self,
        link: &mut Link,
        channel: Channel,
    ) -> Result<(Channel, KnownQueue), Fault> {
        const FIRST_WITH_DEFAULT_TYPES: Series = (3, 11);
        let known = match self.queue_type {
            None if link.series() < FIRST_WITH_DEFAULT_TYPES => Some(QueueType::Classic),
            stated => stated,
        };
        if let Some(queue_type) = known {
            return Ok((channel, KnownQueue::of(queue_type)));
        }
        let classic = QueueType::Classic;
        let arguments = self.arguments().with_text("x-queue-type", classic.name());
        let Err(fault) = channel.declare(self.name.as_str(), &arguments) else {
            return Ok((channel, KnownQueue::of(classic)));
        };
        drop(channel);
        match mismatch(&fault).and_then(|found| QueueType::named(&found.current)) {
            Some(queue_type) => Ok((link.channel()?, KnownQueue::of(queue_type))),
            None => Err(link.diagnose(fault)),
        }
    }

    /// The type of the queue there is, where that is all that a declaration failed on and the
    /// user did not state one.
    #[must_use]
    pub fn other_type(&self, fault: &Fault) -> Option<String> {
        let mismatch = mismatch(fault)?;
        let adoptable = self.queue_type.is_none() && mismatch.argument == "x-queue-type";
        adoptable.then_some(mismatch.current)
    }

    fn adopt(&self, link: &mut Link, current: String) -> Result<(Channel, KnownQueue), Fault> {
        if current == "stream" {
            let text = format!(
                "queue `{}` is a stream, which keeps its messages and cannot hand out tasks; \
                 take another name with --queue",
                self.name
            );
            return Err(Fault::new(Kind::Queue, text));
        }
        // Declared once more with the type it has: this shows whether it is durable.
        let arguments = self.arguments().with_text("x-queue-type", &current);
        let channel = link.channel()?;
        if let Err(fault) = channel.declare(self.name.as_str(), &arguments) {
            drop(channel);
            if !mismatch(&fault).is_some_and(|found| found.argument.starts_with("x-")) {
                return Err(link.diagnose(fault));
            }
            // It has arguments of its own, such as a delivery limit: as it is, all the same.
            let channel = link.channel()?;
            channel.inspect(self.name.as_str())?;
            let found = KnownQueue {
                has_unknown_arguments: true,
                ..KnownQueue::adopted(current)
            };
            return Ok((channel, found));
        }
        Ok((channel, KnownQueue::adopted(current)))
    }
}

/// Why a task's priority has no effect on this queue, of a broker of this `series`; `None` if it
/// has one.
#[must_use]
pub fn priority_note(queue: &WorkQueue, queue_type: QueueType, series: Series) -> Option<String> {
    const FIRST_WITH_QUORUM_PRIORITIES: Series = (4, 0);
    let name = &queue.name;
    match (queue_type, queue.max_priority) {
        // A plain declaration does not hold for a queue that has priorities.
        (QueueType::Classic, None) => Some(format!(
            "--priority has no effect: queue `{name}` was created without priorities; use another \
             name with --queue, and --max-priority 5 in every command that uses it"
        )),
        (QueueType::Quorum, _) if series < FIRST_WITH_QUORUM_PRIORITIES => Some(format!(
            "--priority has no effect: queue `{name}` is a quorum queue; these have priorities \
             only from RabbitMQ 4.0 on (this is {}.{})",
            series.0, series.1
        )),
        (QueueType::Classic | QueueType::Quorum, _) => None,
    }
}

fn mismatch(fault: &Fault) -> Option<Mismatch> {
    Mismatch::parse(&fault.reply()?.text)
}

/// What is known of a queue that was declared.
#[derive(Default)]
pub struct KnownQueue {
    /// The real type of the queue; `None` where it is not declared, and so not known.
    pub queue_type: Option<QueueType>,
    /// The type of the queue, where it is not what a plain declaration would make.
    pub adopted: Option<String>,
    /// It may have arguments that were not declared here.
    pub has_unknown_arguments: bool,
}

impl KnownQueue {
    fn of(queue_type: QueueType) -> Self {
        Self {
            queue_type: Some(queue_type),
            ..Self::default()
        }
    }

    /// Nothing is known of a queue that is not declared.
    fn as_it_stands() -> Self {
        Self {
            has_unknown_arguments: true,
            ..Self::default()
        }
    }

    fn adopted(current: String) -> Self {
        Self {
            queue_type: QueueType::named(&current),
            adopted: Some(current),
            ..Self::default()
        }
    }
}

/// The note on a queue that is used although it is of another type.
#[must_use]
pub fn adoption_note(name: &QueueName, current: &str) -> String {
    let current = escape(current.as_bytes());
    format!("queue `{name}` is of type {current}; it is used as it is")
}
