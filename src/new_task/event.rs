//! What is told while tasks are sent.

use super::pending::PendingTask;
use super::results::TaskResult;
use crate::base::fault::Fault;

/// What happens while tasks are sent.
#[derive(Debug)]
pub enum SendEvent<'a> {
    /// The broker has taken responsibility for the task.
    Confirmed(&'a PendingTask),
    /// The broker will never take this one; why.
    Failed(PendingTask, &'a Fault),
    /// The result of the task with this number.
    Result(u64, TaskResult),
    /// A connection stands, to this address.
    Connected(&'a str),
    /// The broker cannot be reached, and is tried again.
    Retrying(&'a Fault),
    /// The connection broke; so many tasks are sent again.
    Lost(&'a Fault, usize),
    /// The broker refused so many tasks; they are sent again. Why.
    Refused(usize, String),
    /// These tasks are in the queue, and their results will not come: numbers and ids.
    ResultsGone(Vec<(u64, String)>),
    /// The tasks' priority has no effect; why.
    NoPriorities(String),
    /// The queue is of this type and is used all the same.
    Adopted(&'a str),
    /// The broker takes nothing for now; why.
    Blocked(&'a str),
    /// The broker takes tasks again.
    Unblocked,
    /// The queue is as long as it may be: so many tasks are ready.
    BacklogFull(u64),
    /// It is time to show the progress.
    Tick(Standing),
}

/// How far the sending is.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Tasks that were taken from the input.
    pub taken: u64,
    /// Bytes of the input that those took.
    pub bytes: u64,
}

/// Is told what happens. An error ends the sending.
pub type Tell<'a> = dyn FnMut(SendEvent<'_>) -> Result<(), Fault> + 'a;
