//! Tasks to be sent, as the input gives them.

use crate::base::fault::Fault;
use crate::new_task::record::{Batch, Record, RecordEnd};
use crate::publisher::Content;
use crate::task::{Task, Template};
use crossbeam_channel::{Receiver, TryRecvError, select};

/// Where the tasks come from. It ends when its sender is dropped, or with a fault.
pub type TaskInput = Receiver<Result<Batch, Fault>>;

/// A task to be sent.
#[derive(Debug)]
pub struct PendingTask {
    /// Its place in the input, from 1.
    pub number: u64,
    /// What is published.
    pub task: Task,
    /// How its record ended.
    pub end: RecordEnd,
}

impl Content for PendingTask {
    fn task(&self) -> &Task {
        &self.task
    }
}

/// What is still to be sent.
#[derive(Debug)]
pub struct Pending {
    /// `None` once it has ended.
    input: Option<TaskInput>,
    batch: std::vec::IntoIter<Record>,
    template: Template,
    counts: InputCounts,
    /// Nothing more is to be taken (`--halt`).
    is_halted: bool,
    /// The numbers of records that were passed over.
    too_large: Vec<u64>,
    fault: Option<Fault>,
}

/// What was read of an input.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputCounts {
    /// The number of tasks that were taken from it.
    pub taken: u64,
    /// The number of bytes that were read for them.
    pub bytes: u64,
    /// The number that was left out, as a log has them.
    pub skipped: u64,
    /// The number of all others, where that is known.
    pub total: Option<u64>,
}

/// What is left of an input.
#[derive(Debug)]
pub enum Rest {
    /// The next records.
    Records(Vec<Record>),
    /// Nothing more.
    Over,
    /// It was not looked at further.
    Stopped,
}

impl Pending {
    pub(super) fn new(input: TaskInput, template: Template) -> Self {
        Self {
            input: Some(input),
            batch: Vec::new().into_iter(),
            template,
            counts: InputCounts::default(),
            is_halted: false,
            too_large: Vec::new(),
            fault: None,
        }
    }

    /// What came in by the input; `None`: it has ended.
    pub(super) fn accept(&mut self, came: Option<Result<Batch, Fault>>) {
        match came {
            Some(Ok(batch)) => {
                self.counts.bytes += batch.bytes;
                self.counts.skipped += batch.skipped;
                self.counts.total = self.counts.total.or(batch.total);
                self.too_large.extend(batch.too_large);
                self.batch = batch.records.into_iter();
            }
            Some(Err(fault)) => {
                self.fault = Some(fault);
                self.input = None;
            }
            None => self.input = None,
        }
    }

    /// The next task, if there is one already.
    pub(super) fn next(&mut self) -> Option<PendingTask> {
        let record = self.batch.next()?;
        self.counts.taken += 1;
        Some(PendingTask {
            number: record.number,
            task: self.template.task(record.body),
            end: record.end,
        })
    }

    /// Whether a task can be had at once.
    pub(super) fn has_some(&mut self) -> bool {
        if self.is_halted {
            return false;
        }
        while self.batch.len() == 0 {
            let Some(input) = &self.input else {
                return false;
            };
            match input.try_recv() {
                Ok(came) => self.accept(Some(came)),
                Err(TryRecvError::Disconnected) => self.accept(None),
                Err(TryRecvError::Empty) => return false,
            }
        }
        true
    }

    /// The next records that were never looked at, however long it takes until they come, or
    /// until `stop` receives something.
    pub fn wait_for_records(&mut self, stop: &Receiver<()>) -> Rest {
        loop {
            if self.batch.len() > 0 {
                return Rest::Records(std::mem::take(&mut self.batch).collect());
            }
            let Some(input) = &self.input else {
                return Rest::Over;
            };
            select! {
                recv(input) -> came => self.accept(came.ok()),
                recv(stop) -> _ => return Rest::Stopped,
            }
        }
    }

    /// Whether the input has nothing ready and has not ended, as far as is known.
    pub fn must_wait(&self) -> bool {
        self.batch.len() == 0 && self.input.as_ref().is_some_and(Receiver::is_empty)
    }

    /// Where to wait for more, unless there is something already or there will never be.
    pub(super) fn inbox(&self) -> Option<&TaskInput> {
        let may_come = self.batch.len() == 0 && !self.is_halted;
        self.input.as_ref().filter(|_| may_come)
    }

    /// Whether nothing is left to be sent, and nothing will come.
    pub(super) fn is_over(&self) -> bool {
        self.is_halted || self.input.is_none() && self.batch.len() == 0
    }

    /// Nothing more of it is to be sent. It may still be copied.
    pub(super) fn halt(&mut self) {
        self.is_halted = true;
    }

    /// Whether nothing more of it is to be sent, whatever is left.
    pub fn is_halted(&self) -> bool {
        self.is_halted
    }

    /// What was read of the input.
    pub fn counts(&self) -> InputCounts {
        self.counts
    }

    /// The numbers of the records that were too large for any broker.
    pub fn too_large(&self) -> &[u64] {
        &self.too_large
    }

    /// Why the input ended before its end.
    pub fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }
}
