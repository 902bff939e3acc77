//! The present time.

use std::time::{Instant, SystemTime};

/// The present time, on both of the shell's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For everything that is measured.
    pub instant: Instant,
    /// For what is shown to people.
    pub wall: SystemTime,
}

impl Moment {
    /// What the system's clocks show.
    #[must_use]
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}
