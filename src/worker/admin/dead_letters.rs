//! The dead letters that are there, taken one by one.

use super::connect;
use crate::amqp::{AckToken, Channel, Delivery, Link};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::output::Report;
use crate::queues::QueueName;
use crate::task::Task;
use crate::worker::queues::inspect;
use crate::worker::settings::WorkerSettings;

/// The dead letters that there were when it was opened. Those that are neither acknowledged nor given
/// back return to their queue with the channel.
pub(super) struct DeadLetters<'a> {
    queue: &'a QueueName,
    /// Only those of the task with this id.
    only: Option<&'a str>,
    pub(super) link: Link,
    channel: Channel,
    /// How many there were.
    pub(super) count: u32,
    left: u32,
}

impl<'a> DeadLetters<'a> {
    /// Connects, and counts them.
    ///
    /// # Errors
    /// [`Kind::Queue`] if neither their queue nor the work queue exists: the name may be wrong.
    pub(super) fn open(
        settings: &'a WorkerSettings,
        only: Option<&'a str>,
        report: &Report,
    ) -> Result<Self, Fault> {
        let (work, queue) = (&settings.queue.name, &settings.core.dead_letters);
        let mut link = connect(settings, report)?;
        let found = inspect(&mut link, queue.as_str())?;
        if found.is_none() && inspect(&mut link, work.as_str())?.is_none() {
            let text = format!("there is neither a queue `{work}` nor a queue `{queue}`");
            return Err(Fault::new(Kind::Queue, text));
        }
        let channel = link.channel()?;
        let count = found.map_or(0, |queue| queue.ready);
        Ok(Self {
            queue,
            only,
            link,
            channel,
            count,
            left: count,
        })
    }

    /// The next one. Those of other tasks are passed over.
    pub(super) fn next(&mut self) -> Result<Option<(Task, AckToken)>, Fault> {
        while self.left > 0 {
            self.left -= 1;
            let Some(delivery) = self.channel.get(self.queue.as_str())? else {
                break;
            };
            let Delivery {
                body,
                properties,
                token,
                ..
            } = delivery;
            let task = Task { body, properties };
            if self.only.is_none_or(|id| id == task.id()) {
                return Ok(Some((task, token)));
            }
        }
        Ok(None)
    }

    /// This one is not needed any longer.
    pub(super) fn acknowledge(&self, token: AckToken) -> Result<(), Fault> {
        self.channel.ack(token)
    }

    /// This one stays. By `basic.nack`, which from RabbitMQ 4.3 on does not count towards a queue's
    /// delivery limit, as going back with the channel does.
    pub(super) fn give_back(&self, token: AckToken) -> Result<(), Fault> {
        self.channel.requeue(token)
    }

    /// Closes the connection. `found` of them were of the task that was asked for.
    ///
    /// # Errors
    /// [`Kind::Other`] if there was none of that task.
    pub(super) fn close(mut self, found: u32) -> Result<(), Fault> {
        drop(self.channel);
        // All that matters was answered.
        let _ = self.link.close();
        match self.only {
            Some(id) if found == 0 => {
                let (id, queue) = (escape(id.as_bytes()), self.queue);
                let text = format!("no dead letter in queue `{queue}` has the ID `{id}`");
                Err(Fault::new(Kind::Other, text))
            }
            _ => Ok(()),
        }
    }
}
