//! Whether other workers consume from the queue, who could do what waits here.
//!
//! A worker that is alone keeps its tasks behind a long one, in their order: to hand them on would only put
//! them at the end of the queue. Others may come at any time, so it asks again.

use std::time::{Duration, Instant};

/// How often the broker is asked. A question costs it about 0.1 ms.
const POLL: Duration = Duration::from_millis(500);

/// How long others count as there while the next answer is under way.
const HOLDS: Duration = Duration::from_secs(10);

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Others {
    is_asked: bool,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    at: Instant,
    are_there: bool,
}

impl Others {
    /// Whether it is time to ask. Then the caller does.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        let is_new = self.answer.is_some_and(|answer| now < answer.at + POLL);
        !is_new && !std::mem::replace(&mut self.is_asked, true)
    }

    /// The broker says how many there are. Whether that was asked here.
    pub(super) fn counted(&mut self, now: Instant, others: u32) -> bool {
        let is_asked = std::mem::take(&mut self.is_asked);
        if is_asked {
            self.answer = Some(Answer {
                at: now,
                are_there: others > 0,
            });
        }
        is_asked
    }

    /// Whether there are any, as far as is known. Until an answer comes nothing is given away.
    pub(super) fn are_there(&self, now: Instant) -> bool {
        let answer = self.answer.filter(|answer| now < answer.at + HOLDS);
        answer.is_some_and(|answer| answer.are_there)
    }

    /// When it is time to ask again.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let answer = self.answer.filter(|_| !self.is_asked);
        answer.map(|answer| answer.at + POLL)
    }

    /// The connection is gone: no answer will come.
    pub(super) fn disconnected(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::moment;
    use super::*;

    #[test]
    fn an_answer_holds_until_the_next_one() {
        let mut now = moment().instant;
        let mut others = Others::default();
        assert!(others.asks(now) && !others.asks(now), "once");
        assert!(!others.are_there(now) && others.wakes_at().is_none());
        assert!(others.counted(now, 0));
        assert!(!others.are_there(now) && !others.asks(now));
        assert_eq!(others.wakes_at(), Some(now + POLL));
        now += POLL;
        assert!(others.asks(now));
        assert!(others.wakes_at().is_none(), "an answer will come");
        assert!(others.counted(now, 2));
        assert!(others.are_there(now));
        assert!(
            !others.counted(now, 0) && others.are_there(now),
            "the answer to another question"
        );
        now += POLL;
        assert!(others.asks(now) && others.are_there(now));
        now += HOLDS;
        assert!(!others.are_there(now), "they may have gone");
    }

    #[test]
    fn a_new_connection_is_asked_anew() {
        let now = moment().instant;
        let mut others = Others::default();
        assert!(others.asks(now));
        others.disconnected();
        assert!(others.asks(now));
    }
}
