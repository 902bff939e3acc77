//! Whether messages are the cause that a channel or connection has ended.

use crate::base::fault::{Fault, Kind};

/// What the end of a channel or connection says of the messages that were in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// None of them is the cause.
    Nobody,
    /// One of them may be.
    Perhaps,
    /// One of them is.
    Surely,
}

/// What the broker's words on the end of a channel or a connection mean. RabbitMQ's codes: 320 when
/// the node stops or an administrator closes connections; 541 where a process of its own crashed,
/// on whatever cause; 505 where frames come in an order that makes no sense.
pub(super) fn blame(fault: &Fault) -> Blame {
    if fault.kind == Kind::AcknowledgementTimeout {
        // It is about a result that waits for its turn.
        return Blame::Nobody;
    }
    match fault.reply().map(|reply| reply.code) {
        // 505 where the client library has answered in the middle of a message.
        None | Some(320 | 505) => Blame::Nobody,
        Some(541) => Blame::Perhaps,
        Some(_) => Blame::Surely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::Reply;

    #[test]
    fn what_the_codes_mean() {
        let with = |code| {
            let text = String::new();
            Fault::new(Kind::Lost, "").with_reply(Reply { code, text })
        };
        assert_eq!(blame(&with(320)), Blame::Nobody);
        assert_eq!(blame(&Fault::new(Kind::Lost, "")), Blame::Nobody);
        assert_eq!(blame(&with(541)), Blame::Perhaps);
        assert_eq!(blame(&with(505)), Blame::Nobody);
        for code in [311, 403, 404, 406, 501, 502] {
            assert_eq!(blame(&with(code)), Blame::Surely);
        }
    }
}
