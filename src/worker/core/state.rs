//! Where the worker stands, for those who ask.

use super::ConsumeOn;
use super::consumer::ConsumerPhase;
use super::worker::Worker;

impl Worker {
    /// Whether it has begun to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_under_way()
    }

    /// Whether it knows that stdout cannot be written any more.
    #[must_use]
    pub fn has_lost_output(&self) -> bool {
        self.stopping.has_lost_output()
    }

    /// Whether there is a connection to consume over.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.consumer.is_connected()
    }

    /// Whether tasks come, but for the moment in which a consumer takes another's place.
    #[must_use]
    pub fn is_consuming(&self) -> bool {
        self.consumer.is_connected()
            && self.consumer.phase != ConsumerPhase::Starting(ConsumeOn::New)
            && !self.stopping.is_under_way()
    }

    /// Whether it takes no tasks, as the host is busy.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.intake.is_paused
    }

    /// How many tasks run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.slots.running()
    }

    /// How many tasks were delivered and have not begun.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.intake.local.len()
    }
}
