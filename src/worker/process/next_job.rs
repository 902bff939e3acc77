//! The job that a slot takes by itself when its command has ended.

use super::job::Job;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a slot does after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It waits for a job.
    Waits,
    /// It runs the job that was offered.
    TakesNext,
}

/// At most one job, for the first slot that is done with another.
#[derive(Clone, Debug, Default)]
pub(super) struct NextJob(Arc<Mutex<Option<Job>>>);

impl NextJob {
    /// Offers a job.
    pub(super) fn offer(&self, job: Job) {
        *self.lock() = Some(job);
    }

    /// Takes the job, unless another has taken it: for a slot, which must tell its owner at once, or for
    /// the owner, who does not offer it any more.
    pub(super) fn take(&self) -> Option<Job> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
