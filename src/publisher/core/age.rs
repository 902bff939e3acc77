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
}

impl Age {
    /// Until when what the queue confirms does not count, if it is too young.
    pub(super) fn young_until(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Made(at) if now < at + YOUTH => Some(at + YOUTH),
            Self::Made(_) | Self::Missing | Self::Enough => None,
        }
    }
}
