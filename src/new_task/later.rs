//! Tasks whose results are collected later (`--results`).

use super::collect::{Found, Numbers, ResultKey, Run, State, add, expect, make, note};
use super::results::addressed;
use crate::amqp::Properties;
use crate::amqp::connector::Connector;
use crate::base::fault::{Fault, Kind};
use crate::queues::{Declare, ResultsQueue, WorkQueue};
use uuid::Uuid;

/// What was sent by this command.
#[derive(Debug)]
pub(super) struct Later {
    queue: ResultsQueue,
    id: Uuid,
    pub(super) sent: Numbers,
}

impl Later {
    /// Makes the queues, and notes that tasks will come.
    pub(super) fn begin(
        connector: &Connector,
        work: WorkQueue,
        queue: ResultsQueue,
        retrying: impl FnMut(&Fault),
    ) -> Result<Self, Fault> {
        let mut link = connector.connect(None, retrying)?;
        match work.declare {
            Declare::Yes => drop(make(&mut link, &queue)?),
            Declare::No => expect(&mut link, &queue)?,
        }
        let _ = link.close();
        let later = Self {
            queue,
            id: Uuid::now_v7(),
            sent: Numbers::default(),
        };
        let begun = State::of(later.id, Run::begun());
        add(connector, work, &later.queue, &begun)?;
        Ok(later)
    }

    pub(super) fn address(&self, properties: Properties, number: u64) -> Properties {
        let key = ResultKey {
            run: self.id,
            number,
        };
        addressed(properties, &self.queue, key)
    }

    /// Notes which tasks were sent.
    pub(super) fn end(self, connector: &Connector, work: WorkQueue) -> Result<(), Fault> {
        let name = &self.queue.results;
        let run = Run::closed(self.sent, Numbers::default());
        let noted = note(connector, work, &self.queue, &State::of(self.id, run));
        let text = match noted {
            Ok(Found::All) => return Ok(()),
            Ok(Found::NotAll) => format!(
                "the tasks are in the queue, but the results `{name}` were deleted or have expired \
                 meanwhile: those that came before are lost"
            ),
            Err(fault) => format!(
                "the tasks are in the queue, but their number could not be noted ({fault}); \
                 `--collect {name}` will print their results and not end"
            ),
        };
        Err(Fault::new(Kind::NotTaken, text))
    }
}
