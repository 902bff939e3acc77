//! What does the work: a command for each task, or nothing but time.

use super::commands::Commands;
use super::core::policy::{Ending, Outcome};
use super::core::{Start, Urgency};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// How long a slot that cannot start its next command, as from a disk that does not answer, may keep to
/// itself that the last one has ended.
const LOOKS: Duration = Duration::from_secs(1);

/// What does the work.
pub(super) enum Work {
    /// A command for each task.
    Commands(Commands),
    /// It is pretended.
    Pretended(Pretended),
}

impl Work {
    /// A user who forgot the command should not find the queue empty and nothing done.
    pub(super) fn note(&self) -> Option<String> {
        let Self::Pretended(pretended) = self else {
            return None;
        };
        let dot = humantime::format_duration(pretended.dot);
        Some(format!("no COMMAND: pretending to work {dot} per dot"))
    }

    /// Whether a slot has begun its next task by itself.
    pub(super) fn has_begun(&self, slot: usize) -> bool {
        match self {
            Self::Commands(commands) => commands.has_begun(slot),
            Self::Pretended(_) => false,
        }
    }

    /// Begins a task.
    pub(super) fn start(&mut self, start: Start, now: Instant) {
        match self {
            Self::Commands(commands) => commands.start(start),
            Self::Pretended(pretended) => {
                let takes = pretended.takes(&start.task.body);
                pretended.begin(start.slot, now.checked_add(takes));
            }
        }
    }

    /// The commands, where there are any.
    pub(super) fn commands(&mut self) -> Option<&mut Commands> {
        match self {
            Self::Commands(commands) => Some(commands),
            Self::Pretended(_) => None,
        }
    }

    /// How long a task will take, where that is known.
    pub(super) fn takes(&self, body: &[u8]) -> Option<Duration> {
        let Self::Pretended(pretended) = self else {
            return None;
        };
        Some(pretended.takes(body))
    }

    /// The next slot whose pretended work has ended by now.
    pub(super) fn ended(&mut self, now: Instant) -> Option<(usize, Outcome)> {
        let Self::Pretended(pretended) = self else {
            return None;
        };
        Some((pretended.ended(now)?, Ending::Exit(0).into()))
    }

    /// When to look at the work, if nobody tells of it before.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        match self {
            Self::Commands(commands) => commands.has_offered().then(|| Instant::now() + LOOKS),
            Self::Pretended(pretended) => pretended.wakes_at(),
        }
    }

    /// Signals all that run. Pretended work ends at once.
    pub(super) fn signal(&mut self, urgency: Urgency, now: Instant) {
        match self {
            Self::Commands(commands) => commands.signal(urgency),
            Self::Pretended(pretended) => pretended.end_all(now),
        }
    }
}

/// Pretended work: one `dot` for each `.` in the body.
pub(super) struct Pretended {
    dot: Duration,
    /// When the work in each slot ends, and in which order it began. What never ends is not here.
    ends: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    endless: Vec<usize>,
    begun: u64,
}

impl Pretended {
    pub(super) fn new(dot: Duration) -> Self {
        Self {
            dot,
            ends: BinaryHeap::new(),
            endless: Vec::new(),
            begun: 0,
        }
    }

    #[allow(
        clippy::naive_bytecount,
        reason = "pretended work need not be counted fast"
    )]
    fn takes(&self, body: &[u8]) -> Duration {
        let dots = body.iter().filter(|byte| **byte == b'.').count();
        let dots = u32::try_from(dots).unwrap_or(u32::MAX);
        self.dot.saturating_mul(dots)
    }

    fn begin(&mut self, slot: usize, ends: Option<Instant>) {
        self.begun += 1;
        match ends {
            Some(at) => self.ends.push(Reverse((at, self.begun, slot))),
            None => self.endless.push(slot),
        }
    }

    fn ended(&mut self, now: Instant) -> Option<usize> {
        let Reverse((at, _, _)) = self.ends.peek()?;
        if *at > now {
            return None;
        }
        self.ends.pop().map(|Reverse((_, _, slot))| slot)
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.ends.peek().map(|Reverse((at, _, _))| *at)
    }

    fn end_all(&mut self, now: Instant) {
        let running = std::mem::take(&mut self.ends).into_sorted_vec();
        let running = running.into_iter().rev().map(|Reverse((_, _, slot))| slot);
        let endless = std::mem::take(&mut self.endless);
        for slot in running.chain(endless) {
            self.begin(slot, Some(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_dot_counts() {
        let pretended = Pretended::new(SECOND);
        assert_eq!(pretended.takes(b"Hello..."), 3 * SECOND);
        assert_eq!(pretended.takes(b""), Duration::ZERO);
        let pretended = Pretended::new(SECOND / 2);
        assert_eq!(pretended.takes(b".a.\xff."), SECOND * 3 / 2);
    }

    #[test]
    fn work_ends_in_the_order_of_its_time() {
        let now = Instant::now();
        let mut pretended = Pretended::new(SECOND);
        for (slot, seconds) in [(0, 2), (1, 1), (2, 1)] {
            pretended.begin(slot, Some(now + seconds * SECOND));
        }
        assert_eq!(pretended.ended(now), None);
        assert_eq!(pretended.wakes_at(), Some(now + SECOND));
        let end = now + 2 * SECOND;
        let ended = [(); 3].map(|()| pretended.ended(end).unwrap());
        assert_eq!(ended, [1, 2, 0]);
        pretended.begin(3, None);
        pretended.end_all(now);
        assert_eq!(pretended.ended(now), Some(3));
    }
}
