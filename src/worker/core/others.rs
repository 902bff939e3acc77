//! Whether other workers consume from the queue, who could do what waits here.
//!
//! A worker that is alone keeps its tasks behind a long one, in their order: to hand them on would only put
//! them at the end of the queue. Others may come at any time, so it asks again.

use std::time::{Duration, Instant};

/// How long an answer holds. A question costs the broker about 0.1 ms.
const HOLDS: Duration = Duration::from_millis(500);

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Others {
    is_asked: bool,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug)]
struct Answer {
    until: Instant,
    are_there: bool,
}

impl Others {
    /// Whether it is time to ask. Then the caller does.
    pub(super) fn asks(&mut self, now: Instant) -> bool {
        if self.answer.is_some_and(|answer| now < answer.until) {
            return false;
        }
        self.answer = None;
        !std::mem::replace(&mut self.is_asked, true)
    }

    /// The broker says how many there are.
    pub(super) fn counted(&mut self, now: Instant, others: u32) {
        if std::mem::take(&mut self.is_asked) {
            self.answer = Some(Answer {
                until: now + HOLDS,
                are_there: others > 0,
            });
        }
    }

    /// Whether there are any, as far as is known. Until an answer comes nothing is given away.
    pub(super) fn are_there(&self) -> bool {
        self.answer.is_some_and(|answer| answer.are_there)
    }

    /// When it is time to ask again.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.answer.map(|answer| answer.until)
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
    fn an_answer_holds_for_a_while() {
        let mut now = moment().instant;
        let mut others = Others::default();
        assert!(others.asks(now) && !others.asks(now), "once");
        assert!(!others.are_there() && others.wakes_at().is_none());
        others.counted(now, 0);
        assert!(!others.are_there() && !others.asks(now));
        assert_eq!(others.wakes_at(), Some(now + HOLDS));
        now += HOLDS;
        assert!(others.asks(now));
        others.counted(now, 2);
        assert!(others.are_there());
        now += HOLDS;
        assert!(
            others.asks(now) && !others.are_there(),
            "they may have gone"
        );
        others.counted(now, 2);
        assert!(others.are_there());
        others.counted(now, 0);
        assert!(others.are_there(), "the answer to another question");
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
