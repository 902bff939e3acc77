//! Tasks whose results are collected later (`--results`).

use super::collect::{ResultKey, Run, State, add, make};
use super::results::addressed;
use crate::amqp::Properties;
use crate::amqp::connector::Connector;
use crate::base::fault::{Fault, Kind};
use crate::queues::{ResultsQueue, WorkQueue};
use uuid::Uuid;

/// What was sent by this command.
#[derive(Debug)]
pub(super) struct Later {
    queue: ResultsQueue,
    id: Uuid,
    pub(super) run: Run,
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
        make(&mut link, &queue)?;
        let _ = link.close();
        let later = Self {
            queue,
            id: Uuid::now_v7(),
            run: Run::default(),
        };
        add(connector, work, &later.queue, &later.state())?;
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
    pub(super) fn end(mut self, connector: &Connector, work: WorkQueue) -> Result<(), Fault> {
        self.run.is_closed = true;
        add(connector, work, &self.queue, &self.state()).map_err(|fault| {
            let text = format!(
                "the tasks are in the queue, but their number could not be noted ({fault}); \
                 `--collect {}` will print their results and not end",
                self.queue.results
            );
            Fault::new(Kind::NotTaken, text)
        })
    }

    fn state(&self) -> State {
        State::of(self.id, self.run.clone())
    }
}
