//! Why and how a worker stops: no new tasks, those that have not begun go back, those that run
//! finish.

use crate::base::fault::{Fault, Kind};
use crate::base::plural::counted;
use std::time::{Duration, Instant};

/// How long a worker that has nothing else to do waits for retries and dead letters to be taken.
/// Their tasks are not acknowledged before, so nothing is lost when the wait ends.
const SETTLING_LIMIT: Duration = Duration::from_secs(10);

/// A killed process ends within milliseconds, unless it hangs in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// Why a worker stops.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The first signal.
    Signal,
    /// A second signal, or the end of `--grace`: what ran was ended.
    Interrupted,
    /// `--max-tasks` were done.
    MaxTasks,
    /// `--exit-when-empty`, and the queue is empty.
    Empty,
    /// `--idle-timeout` has passed.
    Idle,
    /// It cannot go on.
    Failed,
}

impl Reason {
    /// The word for it in the event `stopped`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Interrupted => "interrupted",
            Self::MaxTasks => "max-tasks",
            Self::Empty => "empty",
            Self::Idle => "idle",
            Self::Failed => "failed",
        }
    }
}

/// How a worker has stopped.
#[derive(Clone, Debug)]
pub struct End {
    /// Why.
    pub reason: Reason,
    /// What was wrong, if anything was.
    pub fault: Option<Fault>,
}

/// How running commands are ended, step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Force {
    /// They were told to end; they are killed at this time, if ever.
    Term(Option<Instant>),
    /// They were killed; what runs at this time is left.
    Kill(Instant),
}

/// What is to be done to running commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing for now.
    Wait,
    /// They are told to end, as the grace is over.
    GraceIsOver,
    /// They are killed.
    Kill,
    /// They are left alone: they do not end.
    Leave,
}

/// The stop that is under way.
#[derive(Debug, Default)]
pub(super) struct Stopping {
    reason: Option<Reason>,
    fault: Option<Fault>,
    signals: u32,
    grace_ends: Option<Instant>,
    /// `None`: what runs finishes.
    force: Option<Force>,
    /// When no message is waited for any longer.
    settled_by: Option<Instant>,
    /// The connection was lost on the way; why.
    lost: Option<Fault>,
    /// Stdout cannot be written any more.
    has_lost_output: bool,
}

impl Stopping {
    /// Begins to stop, unless that has begun. Whether it begins now.
    pub(super) fn begin(&mut self, now: Instant, reason: Reason, grace: Option<Duration>) -> bool {
        if self.reason.is_some() {
            return false;
        }
        self.reason = Some(reason);
        self.grace_ends = grace.and_then(|grace| now.checked_add(grace));
        true
    }

    /// Something is wrong, also while it stops: it ends with the first of these faults.
    pub(super) fn failed(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Stdout cannot be written any more; why.
    pub(super) fn output_lost(&mut self, fault: Fault) {
        self.failed(fault);
        self.has_lost_output = true;
    }

    /// Whether stdout cannot be written any more.
    pub(super) fn has_lost_output(&self) -> bool {
        self.has_lost_output
    }

    /// Whether it stops.
    pub(super) fn is_under_way(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether what runs is being ended.
    pub(super) fn is_forced(&self) -> bool {
        self.force.is_some()
    }

    /// One more signal: how many there have been.
    pub(super) fn signalled(&mut self) -> u32 {
        self.signals += 1;
        self.signals
    }

    /// What runs is told to end now, and killed `kill_after` later.
    pub(super) fn force(&mut self, now: Instant, kill_after: Duration) {
        self.force = Some(Force::Term(now.checked_add(kill_after)));
    }

    /// What runs is killed now.
    pub(super) fn kill(&mut self, now: Instant) {
        self.force = Some(Force::Kill(now + AFTER_KILL));
    }

    /// Whether it was killed already.
    pub(super) fn has_killed(&self) -> bool {
        matches!(self.force, Some(Force::Kill(_)))
    }

    /// What is to be done to running commands by now.
    pub(super) fn due(&self, now: Instant) -> Then {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.force {
            None if is_due(self.grace_ends) => Then::GraceIsOver,
            Some(Force::Term(at)) if is_due(at) => Then::Kill,
            Some(Force::Kill(at)) if at <= now => Then::Leave,
            None | Some(Force::Term(_) | Force::Kill(_)) => Then::Wait,
        }
    }

    /// Nothing runs any more, and messages are still under way: whether they are waited for.
    pub(super) fn waits_for_messages(&mut self, now: Instant) -> bool {
        now < *self.settled_by.get_or_insert(now + SETTLING_LIMIT)
    }

    /// When something is due of itself, with tasks that run or without.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let force = match self.force {
            None => self.grace_ends,
            Some(Force::Term(at)) => at,
            Some(Force::Kill(at)) => Some(at),
        };
        [force, self.settled_by].into_iter().flatten().min()
    }

    /// The connection was lost on the way.
    pub(super) fn lost(&mut self, fault: Fault) {
        self.lost.get_or_insert(fault);
    }

    /// `count` tasks have their outcome and will be done again. Not a clean end.
    pub(super) fn unacknowledged(&mut self, tasks: u64) {
        let cause = self.fault.take().or_else(|| self.lost.take());
        let (kind, cause) = match cause {
            Some(fault) => (fault.kind, format!("{fault}; ")),
            None => (Kind::Lost, String::new()),
        };
        let tasks = counted(tasks, "finished task");
        let text = format!("{cause}{tasks} could not be acknowledged and will run again");
        self.fault = Some(Fault::new(kind, text));
    }

    /// How it has ended.
    pub(super) fn end(&mut self) -> End {
        let fault = self.fault.take();
        let reason = match self.reason.take() {
            _ if fault.is_some() => Reason::Failed,
            _ if self.is_forced() => Reason::Interrupted,
            reason => reason.unwrap_or(Reason::Signal),
        };
        End { reason, fault }
    }
}

#[cfg(test)]
mod tests;
