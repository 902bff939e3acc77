//! The jobs that slots take by themselves when a command has ended.
//!
//! The owner is not woken for each short command: that costs as much as a tenth of the command. It hears of
//! several ends at once.

use super::job::Job;
use super::run::Ran;
use crate::worker::core::{ACK_LINGER, Moment};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The end of a command, after which its slot has begun the next job by itself.
#[derive(Debug)]
pub struct Ended {
    pub slot: usize,
    pub ran: Ran,
    /// When it ended, and the next one began.
    pub at: Moment,
}

/// Whether the owner is to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Yes,
    No,
}

/// What a slot does next.
pub(super) enum Next {
    /// It begins this job.
    Begins(Job, Wake),
    /// It waits, and tells what the last one came to.
    Waits(Ran),
}

/// The jobs that slots may take, and what they have taken.
#[derive(Clone, Debug, Default)]
pub(super) struct NextJobs(Arc<Mutex<Offer>>);

#[derive(Debug, Default)]
struct Offer {
    jobs: VecDeque<Job>,
    ended: Vec<Ended>,
    /// At this number of ends the owner has more to do.
    enough: usize,
    /// The owner has been woken.
    is_awake: bool,
}

impl NextJobs {
    /// Offers jobs to the slots that are done with others. The owner wants to hear of `enough` ends.
    pub(super) fn offer(&self, jobs: VecDeque<Job>, enough: usize) {
        let mut offer = self.lock();
        offer.jobs = jobs;
        offer.enough = enough;
        offer.is_awake = false;
    }

    /// Takes the next job, if there is one, for a slot whose command has ended.
    pub(super) fn take(&self, slot: usize, ran: Ran) -> Next {
        let mut offer = self.lock();
        let Some(job) = offer.jobs.pop_front() else {
            return Next::Waits(ran);
        };
        let is_long = ran.output.is_in_file();
        // Under the lock, so that it is later than the offer.
        let at = Moment::now();
        offer.ended.push(Ended { slot, ran, at });
        let waited = at.instant - offer.ended[0].at.instant;
        let is_due = offer.ended.len() >= offer.enough || waited >= ACK_LINGER;
        if is_due || is_long || offer.jobs.is_empty() {
            Next::Begins(job, offer.wake())
        } else {
            Next::Begins(job, Wake::No)
        }
    }

    /// A command takes longer, so that no other end may come soon.
    pub(super) fn takes_longer(&self) -> Wake {
        let mut offer = self.lock();
        if offer.ended.is_empty() {
            return Wake::No;
        }
        offer.wake()
    }

    /// Takes back the jobs that no slot has taken. Returns the ends behind which one was, in the order in
    /// which they were taken.
    pub(super) fn take_back(&self) -> Vec<Ended> {
        let mut offer = self.lock();
        offer.jobs.clear();
        offer.is_awake = true;
        std::mem::take(&mut offer.ended)
    }

    fn lock(&self) -> MutexGuard<'_, Offer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    fn wake(&mut self) -> Wake {
        if std::mem::replace(&mut self.is_awake, true) {
            Wake::No
        } else {
            Wake::Yes
        }
    }
}
