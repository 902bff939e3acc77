//! How long nothing was heard of what is in flight.
//!
//! A message that still leaves cannot be confirmed, however long it takes: what counts is the time
//! since all that was published has left. The same over all destinations tells of the connection,
//! over one destination of its queue.

use std::time::{Duration, Instant};

/// A broker that is not blocked and confirms nothing for this time is tried over another
/// connection,
/// and at another node if there is one. A healthy one confirms in milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What the system has taken from us may still lie in buffers on its way, a few megabytes at most;
/// on a slow link these need time as well. Bytes a second of a link that is very slow.
const SLOW_LINK: u64 = 100_000;

/// The most that lies in such buffers, in bytes: what Linux gives to both ends of a connection.
const BUFFERED: usize = 8 << 20;

/// How often the patience doubles at most.
const DOUBLINGS: u32 = 5;

/// Since when nothing was heard, and for how long that may go on.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    heard: Instant,
    /// A count of bytes of this connection: once this many have left, all that is in flight has
    /// left.
    mark: u64,
    /// How often in a row it was given up.
    given_up: u32,
}

impl Silence {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            heard: now,
            mark: 0,
            given_up: 0,
        }
    }

    /// Something was published while nothing was in flight; it has left with byte `mark`.
    pub(super) fn began(&mut self, mark: u64, now: Instant) {
        self.heard = now;
        self.mark = mark;
    }

    /// The broker has settled something; the rest has left with byte `mark`.
    pub(super) fn heard(&mut self, mark: u64, now: Instant) {
        self.heard = now;
        self.mark = mark;
        self.given_up = 0;
    }

    /// Bytes have left; `before` had left earlier.
    pub(super) fn left(&mut self, before: u64, now: Instant) {
        if before < self.mark {
            self.heard = now;
        }
    }

    /// The broker was blocked, or the connection away: the time does not count.
    pub(super) fn restart(&mut self, now: Instant) {
        self.heard = now;
    }

    /// It was given up, and is tried once more: with more patience, as what arrives late would
    /// otherwise arrive again and again.
    pub(super) fn give_up(&mut self) {
        self.given_up = (self.given_up + 1).min(DOUBLINGS);
    }

    /// When silence is too long, with `bytes` unconfirmed and this `patience` for a broker that has
    /// them all.
    pub(super) fn deadline(&self, bytes: usize, patience: Duration) -> Instant {
        let buffered = u64::try_from(bytes.min(BUFFERED)).unwrap_or(u64::MAX);
        let patience = patience + Duration::from_millis(buffered * 1000 / SLOW_LINK);
        self.heard + patience * 2_u32.pow(self.given_up)
    }

    /// Since when nothing was heard.
    pub(super) fn since(&self) -> Instant {
        self.heard
    }
}

/// Something that the broker was asked. The answer waits until all has arrived that was sent before.
#[derive(Clone, Debug)]
pub(super) struct Question {
    silence: Silence,
    /// Bytes before it that the broker may not have read.
    behind: usize,
}

impl Question {
    /// Asked behind byte `mark` of the connection, and `behind` bytes that may be unread.
    pub(super) fn new(mark: u64, behind: u64, now: Instant) -> Self {
        let mut silence = Silence::new(now);
        silence.began(mark, now);
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        Self { silence, behind }
    }

    /// Bytes have left; `before` had left earlier.
    pub(super) fn left(&mut self, before: u64, now: Instant) {
        self.silence.left(before, now);
    }

    /// The byte behind which it was asked.
    pub(super) fn mark(&self) -> u64 {
        self.silence.mark
    }

    /// When the answer is too late.
    pub(super) fn deadline(&self, patience: Duration) -> Instant {
        self.silence.deadline(self.behind, patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_for_an_answer_counts_once_all_before_it_has_left() {
        let now = Instant::now();
        let question = Question::new(1000, 0, now);
        assert_eq!(question.deadline(PATIENCE), now + PATIENCE);
        let mut question = Question::new(1000, 2_000_000, now);
        let buffers = Duration::from_secs(20);
        assert_eq!(question.deadline(PATIENCE), now + PATIENCE + buffers);
        let later = now + PATIENCE;
        question.left(999, later);
        question.left(1000, later + PATIENCE);
        assert_eq!(question.deadline(PATIENCE), later + PATIENCE + buffers);
    }

    #[test]
    fn the_time_counts_once_all_has_left() {
        let now = Instant::now();
        let mut silence = Silence::new(now);
        silence.began(1000, now);
        assert_eq!(silence.deadline(0, PATIENCE), now + PATIENCE);
        let later = now + PATIENCE;
        silence.left(500, later);
        assert_eq!(silence.deadline(0, PATIENCE), later + PATIENCE);
        silence.left(1000, later + PATIENCE);
        assert_eq!(
            silence.deadline(0, PATIENCE),
            later + PATIENCE,
            "all had left before"
        );
    }

    #[test]
    fn large_messages_and_former_failures_are_given_more_time() {
        let now = Instant::now();
        let mut silence = Silence::new(now);
        let large = silence.deadline(12_000_000, PATIENCE) - now;
        assert!(large > Duration::from_secs(60) && large < Duration::from_secs(120));
        for doublings in 1..10 {
            silence.give_up();
            let factor = 2_u32.pow(doublings.min(DOUBLINGS));
            assert_eq!(silence.deadline(0, PATIENCE) - now, PATIENCE * factor);
        }
        silence.heard(0, now);
        assert_eq!(silence.deadline(0, PATIENCE), now + PATIENCE);
    }
}
