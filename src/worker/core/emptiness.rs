//! Whether nothing is left to do: `--exit-when-empty` and `--idle-timeout`.
//!
//! When the broker says that the queue is empty, a task may be on its way here. So it is asked
//! twice (a task that was handed out just before the first answer arrives before the second). Then
//! the consumer is cancelled, and the broker is asked once more.

use super::EndSettings;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often an idle worker asks. One question costs the broker about 0.1 ms.
const POLL: Duration = Duration::from_millis(100);

/// A task that has left its delay queue is in the work queue after some milliseconds.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// After this, tasks that are still in the delay queue are another worker's.
const OVERDUE: Duration = Duration::from_secs(5);

/// What the queues hold, as the broker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Tasks that are ready in the work queue.
    pub ready: u32,
    /// Tasks in the delay queues that were named.
    pub delayed: u32,
    /// Consumers of the work queue, this worker's among them.
    pub consumers: u32,
    /// Whether cancelled consumers are among them until their deliveries are settled, as with quorum queues.
    pub cancelled_count: bool,
}

/// The steps of making sure that the queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not asked.
    Idle,
    /// Asked, while tasks may come.
    First,
    /// Asked again.
    Second,
    /// The answers were no; the consumer is being cancelled.
    Cancelling,
    /// Asked while none can come.
    Last,
    /// Asked, and the answer will say nothing any more.
    Outdated,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    Wait,
    /// The broker is asked, for these delay queues as well.
    Ask(Vec<String>),
    /// The consumer is cancelled.
    Cancel,
    /// The consumer is started again.
    Resume,
    /// Nothing is left.
    Empty,
}

/// What is known of that.
#[derive(Debug)]
pub(super) struct Emptiness {
    exit_when_empty: bool,
    idle_timeout: Option<Duration>,
    stage: Stage,
    /// When it may be asked again.
    next_poll: Option<Instant>,
    /// When the last task ended, or consuming began.
    idle_since: Instant,
    /// The delay queues in which this worker put tasks, and until when these lie there.
    put_off: BTreeMap<String, Instant>,
}

impl Emptiness {
    pub(super) fn new(now: Instant, settings: &EndSettings) -> Self {
        Self {
            exit_when_empty: settings.exit_when_empty,
            idle_timeout: settings.idle_timeout,
            stage: Stage::Idle,
            next_poll: None,
            idle_since: now,
            put_off: BTreeMap::new(),
        }
    }

    /// Something has ended, or consuming began.
    pub(super) fn touch(&mut self, now: Instant) {
        self.idle_since = now;
    }

    /// A task of this worker's waits in that queue.
    pub(super) fn put_off(&mut self, queue: String, until: Option<Instant>) {
        if let (true, Some(until)) = (self.exit_when_empty, until) {
            self.put_off.insert(queue, until);
        }
    }

    /// The connection is gone, and the consumer with it.
    pub(super) fn disconnected(&mut self) {
        self.stage = Stage::Idle;
    }

    /// A task came while the consumer was cancelled, or the worker pauses: begins again with the first
    /// question.
    pub(super) fn start_over(&mut self) {
        self.stage = match self.stage {
            Stage::Idle | Stage::Cancelling => Stage::Idle,
            Stage::First | Stage::Second | Stage::Last | Stage::Outdated => Stage::Outdated,
        };
    }

    /// Whether the idle time is over, for a worker that has nothing to do.
    pub(super) fn is_idle_for_long(&self, now: Instant) -> bool {
        self.idle_ends().is_some_and(|at| at <= now)
    }

    /// There is nothing to do, and tasks may come: what follows.
    pub(super) fn nothing_to_do(&mut self, now: Instant) -> Next {
        if !self.exit_when_empty || self.stage != Stage::Idle {
            return Next::Wait;
        }
        if self.next_poll.is_some_and(|at| now < at) {
            return Next::Wait;
        }
        self.next_poll = Some(now + POLL);
        if self.is_one_to_come(now) {
            return Next::Wait;
        }
        self.stage = Stage::First;
        Next::Ask(self.queues())
    }

    /// The consumer is cancelled and there is nothing to do: what follows.
    pub(super) fn cancelled_and_nothing_to_do(&mut self, now: Instant) -> Next {
        if self.stage != Stage::Cancelling {
            return Next::Wait;
        }
        if self.is_one_to_come(now) {
            self.stage = Stage::Idle;
            return Next::Resume;
        }
        self.stage = Stage::Last;
        Next::Ask(self.queues())
    }

    /// The answer came; `is_idle` if there is still nothing to do, and the consumer is as it was asked for.
    pub(super) fn counted(&mut self, now: Instant, counts: Counts, is_idle: bool) -> Next {
        let last = self.stage == Stage::Last;
        if counts.delayed == 0 && self.stage != Stage::Idle {
            self.put_off.retain(|_, until| now < *until + ON_ITS_WAY);
        }
        let is_empty = is_idle && counts.ready == 0 && counts.delayed == 0;
        let (stage, next) = match self.stage {
            Stage::Idle | Stage::Cancelling => return Next::Wait,
            Stage::First if is_empty => (Stage::Second, Next::Ask(self.queues())),
            Stage::Second if is_empty => (Stage::Cancelling, Next::Cancel),
            Stage::Last if is_empty => (Stage::Idle, Next::Empty),
            Stage::First | Stage::Second | Stage::Last if last => (Stage::Idle, Next::Resume),
            Stage::First | Stage::Second | Stage::Last | Stage::Outdated => {
                (Stage::Idle, Next::Wait)
            }
        };
        self.stage = stage;
        next
    }

    /// When something is due of itself, for a worker that has nothing to do.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let polls = self.exit_when_empty && self.stage == Stage::Idle;
        let poll = if polls { self.next_poll } else { None };
        [poll, self.idle_ends()].into_iter().flatten().min()
    }

    fn idle_ends(&self) -> Option<Instant> {
        self.idle_since.checked_add(self.idle_timeout?)
    }

    /// Whether a task of this worker's is certainly still to come. Forgets those that are not.
    fn is_one_to_come(&mut self, now: Instant) -> bool {
        self.put_off.retain(|_, until| now < *until + OVERDUE);
        let mut still = self.put_off.values();
        still.any(|until| now < *until + ON_ITS_WAY)
    }

    fn queues(&self) -> Vec<String> {
        self.put_off.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
