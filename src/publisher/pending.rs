//! What is still to be sent: what was sent in vain first, then what the input gives.

use crate::fault::Fault;
use crate::record::{Batch, End, Record};
use crate::task::{Task, Template};
use crossbeam_channel::{Receiver, TryRecvError, select};
use std::collections::VecDeque;

/// Where the tasks come from. It ends when its sender is dropped, or with a fault.
pub type Input = Receiver<Result<Batch, Fault>>;

/// A task on its way.
#[derive(Debug)]
pub struct Parcel {
    /// Its place in the input, from 1.
    pub number: u64,
    /// What is published.
    pub task: Task,
    /// How its record ended.
    pub end: End,
}

/// What is still to be sent.
#[derive(Debug)]
pub struct Pending {
    /// `None` once it has ended.
    input: Option<Input>,
    batch: std::vec::IntoIter<Record>,
    /// Sent in vain, in order.
    again: VecDeque<Parcel>,
    template: Template,
    taken: u64,
    bytes: u64,
    /// The numbers of records that were passed over.
    too_large: Vec<u64>,
    fault: Option<Fault>,
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
    pub(super) fn new(input: Input, template: Template) -> Self {
        Self {
            input: Some(input),
            batch: Vec::new().into_iter(),
            again: VecDeque::new(),
            template,
            taken: 0,
            bytes: 0,
            too_large: Vec::new(),
            fault: None,
        }
    }

    /// What came in by the input; `None`: it has ended.
    pub(super) fn accept(&mut self, came: Option<Result<Batch, Fault>>) {
        match came {
            Some(Ok(batch)) => {
                self.bytes += batch.bytes;
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
    pub(super) fn next(&mut self) -> Option<Parcel> {
        if let Some(parcel) = self.again.pop_front() {
            return Some(parcel);
        }
        let record = self.next_record()?;
        self.taken += 1;
        Some(Parcel {
            number: self.taken,
            task: self.template.task(record.body),
            end: record.end,
        })
    }

    fn next_record(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.batch.next() {
                return Some(record);
            }
            match self.input.as_ref()?.try_recv() {
                Ok(came) => self.accept(Some(came)),
                Err(TryRecvError::Disconnected) => self.accept(None),
                Err(TryRecvError::Empty) => return None,
            }
        }
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
    #[must_use]
    pub fn must_wait(&self) -> bool {
        self.batch.len() == 0 && self.input.as_ref().is_some_and(Receiver::is_empty)
    }

    /// Where to wait for more, unless there is something already or there will never be.
    pub(super) fn inbox(&self) -> Option<&Input> {
        let is_empty = self.again.is_empty() && self.batch.len() == 0;
        self.input.as_ref().filter(|_| is_empty)
    }

    /// Whether the next task is here and its body larger than this.
    pub(super) fn next_is_larger_than(&self, bytes: usize) -> bool {
        let next = match self.again.front() {
            Some(parcel) => Some(&parcel.task.body),
            None => self.batch.as_slice().first().map(|record| &record.body),
        };
        next.is_some_and(|body| body.len() > bytes)
    }

    /// Whether something can be sent at once.
    pub(super) fn has_some(&self) -> bool {
        !self.again.is_empty() || self.batch.len() > 0
    }

    /// Whether nothing is left, and nothing will come.
    pub(super) fn is_over(&self) -> bool {
        self.input.is_none() && !self.has_some()
    }

    /// Takes back what was sent in vain, in whatever order.
    pub(super) fn take_back(&mut self, parcels: Vec<Parcel>) {
        self.again.extend(parcels);
        self.again
            .make_contiguous()
            .sort_unstable_by_key(|parcel| parcel.number);
    }

    /// What was sent in vain.
    pub(super) fn again(&self) -> &VecDeque<Parcel> {
        &self.again
    }

    pub(super) fn take_again(&mut self) -> Vec<Parcel> {
        std::mem::take(&mut self.again).into()
    }

    /// The tasks with bodies of more than so many bytes, of those that were sent in vain.
    pub(super) fn take_larger_than(&mut self, max: usize) -> Vec<Parcel> {
        let (larger, others) = std::mem::take(&mut self.again)
            .into_iter()
            .partition(|parcel| parcel.task.body.len() > max);
        self.again = others;
        let larger: VecDeque<Parcel> = larger;
        larger.into()
    }

    /// How many tasks were taken from the input.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many bytes of the input were read for them.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The numbers of the records that were too large for any broker.
    #[must_use]
    pub fn too_large(&self) -> &[u64] {
        &self.too_large
    }

    /// Why the input ended before its end.
    pub fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }
}
