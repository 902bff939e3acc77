//! When something on a channel is too late. Pure, but for the clock.

use std::time::{Duration, Instant};

/// A broker that is not blocked and confirms nothing for so long is tried over another connection,
/// and at another node if there is one. A healthy one confirms in milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// After a refusal, how long to wait for further verdicts before the rest is sent again.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);

/// How long to go on listening when something is too late: if this process was stopped, or blocked
/// in its own output, the news is only just coming in.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// Less is no sign that tasks are leaving: it may be heartbeats, of 8 bytes each.
const TASKS_LEAVE: u64 = 1024;

/// What is known of a channel beside the flight.
#[derive(Debug)]
pub(super) struct Course {
    /// The queue that is published to.
    pub(super) queue: String,
    /// The broker has accepted the declarations on the channel.
    pub(super) declared: bool,
    /// Nothing is published before this moment.
    pub(super) from: Instant,
    /// When the broker last said anything of what was published, or took some of it.
    heard: Instant,
    /// A refusal has come.
    pub(super) refused: bool,
    /// Bytes that were written when last looked at.
    written: u64,
    /// Until when to go on listening although nothing was heard for too long.
    heard_look: Option<Instant>,
    /// Until when to go on listening although nothing was confirmed for too long.
    stalled_look: Option<Instant>,
}

/// What is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLate {
    /// Nothing was confirmed for as long as that may take.
    Stalled,
    /// The broker says nothing at all.
    Silent,
    /// It has refused some tasks and does not settle the others.
    Unsettled,
}

impl Course {
    pub(super) fn new(queue: String, from: Instant, written: u64) -> Self {
        Self {
            queue,
            declared: false,
            from,
            heard: Instant::now(),
            refused: false,
            written,
            heard_look: None,
            stalled_look: None,
        }
    }

    /// The broker has said something, or now is the first time that it has something to say.
    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        self.heard_look = None;
    }

    /// Whether tasks have left since the last look: while a large one does, the broker cannot be
    /// expected to answer.
    pub(super) fn are_leaving(&mut self, written: u64) -> bool {
        if written < self.written + TASKS_LEAVE {
            return false;
        }
        self.written = written;
        true
    }

    /// The next moment to look at the clock, while tasks are under way; or what is too late.
    /// `stalled` is when the lack of confirms is.
    pub(super) fn next(
        &mut self,
        stalled: Instant,
        is_blocked: bool,
        now: Instant,
    ) -> Result<Instant, TooLate> {
        let (silent, why) = if self.refused {
            (self.heard + AFTER_REFUSAL, TooLate::Unsettled)
        } else {
            (self.heard + PATIENCE, TooLate::Silent)
        };
        let is_stalled = (is_blocked && !self.refused) || stalled <= silent;
        let (until, why, look) = if is_stalled {
            (stalled, TooLate::Stalled, &mut self.stalled_look)
        } else {
            (silent, why, &mut self.heard_look)
        };
        if now < until {
            *look = None;
            return Ok(until);
        }
        let second_look = *look.get_or_insert(now + SECOND_LOOK);
        if now < second_look {
            return Ok(second_look);
        }
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_late_is_only_what_is_too_late_twice() {
        let now = Instant::now();
        let mut course = Course::new("q".to_owned(), now, 0);
        let stalled = now + Duration::from_secs(30);
        course.hear(now);
        let silent = now + PATIENCE;
        assert_eq!(course.next(stalled, false, now), Ok(silent));
        assert_eq!(course.next(stalled, true, now), Ok(stalled));
        let again = silent + SECOND_LOOK;
        assert_eq!(course.next(stalled, false, silent), Ok(again));
        assert_eq!(course.next(stalled, false, again), Err(TooLate::Silent));
        course.hear(again);
        assert_eq!(course.next(stalled, false, again), Ok(again + PATIENCE));
        course.refused = true;
        assert_eq!(course.next(stalled, true, again), Ok(again + AFTER_REFUSAL));
        assert_eq!(course.next(again, false, again), Ok(again + SECOND_LOOK));
        assert_eq!(
            course.next(again, false, again + SECOND_LOOK),
            Err(TooLate::Stalled)
        );
    }

    #[test]
    fn heartbeats_are_not_taken_for_tasks() {
        let mut course = Course::new("q".to_owned(), Instant::now(), 0);
        assert!(course.are_leaving(2000));
        assert!(!course.are_leaving(2008));
        assert!(course.are_leaving(5000));
    }
}
