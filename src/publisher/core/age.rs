//! How old a quorum queue is, as far as it counts.

use std::time::{Duration, Instant};

/// How old a quorum queue must be before its confirms count. One that was declared less than a
/// second before the broker is killed comes back empty and without a leader (seen with RabbitMQ
/// 3.10: its directory of members reaches the disk a moment later).
pub(super) const YOUTH: Duration = Duration::from_secs(2);

/// What is known of the age of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It is old enough, or of no age that counts.
    Enough,
    /// It was not there when it was looked for.
    Missing,
    /// We made it then.
    Made(Instant),
    /// It is old enough, if the broker has been up all the time. That has to be asked: its confirms
    /// may have been read late, and the connection may be dead without a sign.
    Unproven,
    /// That has been asked.
    Asked,
}

impl Age {
    /// Whether what the queue confirms does not count yet.
    pub(super) fn is_young(self) -> bool {
        match self {
            Self::Made(_) | Self::Unproven | Self::Asked => true,
            Self::Enough | Self::Missing => false,
        }
    }

    /// When it may be asked whether it is old enough.
    pub(super) fn may_be_proven_at(self) -> Option<Instant> {
        match self {
            Self::Made(at) => Some(at + YOUTH),
            Self::Unproven | Self::Asked | Self::Enough | Self::Missing => None,
        }
    }
}
