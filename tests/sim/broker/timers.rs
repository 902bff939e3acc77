//! What happens in the broker of itself, by time.

use super::Time;
use super::method::{ChannelId, ConnectionId, Verdict};
use std::collections::BTreeMap;

/// What happens.
#[derive(Clone, Debug)]
pub enum Due {
    /// A queue has decided about a publish.
    Decided {
        connection: ConnectionId,
        channel: ChannelId,
        tag: u64,
        verdict: Verdict,
        /// Where it is stored.
        stored: Option<(String, u64)>,
    },
    /// The same, of a publish of the broker's own: a message that has expired in `from`.
    Transferred {
        from: (String, u64),
        to: (String, u64),
    },
    /// The message at the head of a queue expires.
    Expires(String),
    /// A channel sends what its queues have handed it.
    Sends(ConnectionId, ChannelId),
    /// A channel goes on after a request that it waited for.
    GoesOn(ConnectionId, ChannelId),
    /// A request fails so badly that the connection ends.
    Fails(ConnectionId),
    /// Deliveries are looked at that nobody has settled.
    LooksAtConsumers,
    /// A quorum queue has a leader again.
    Elected(String),
}

/// What is due, in order of time and then as it was noted.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeMap<(Time, u64), Due>,
    noted: u64,
}

impl Timers {
    pub fn note(&mut self, at: Time, due: Due) {
        self.noted += 1;
        self.due.insert((at, self.noted), due);
    }

    pub fn next_due(&self) -> Option<Time> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop_due(&mut self, now: Time) -> Option<(Time, Due)> {
        if self.next_due()? > now {
            return None;
        }
        let ((at, _), due) = self.due.pop_first()?;
        Some((at, due))
    }

    pub fn clear(&mut self) {
        self.due.clear();
    }
}
