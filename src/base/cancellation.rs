//! Ending blocked calls when the user wants to stop at once.

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};

/// Asks all blocked calls to end, by being dropped.
///
/// The signal handler owns one and drops it when the user wants to stop at once.
pub type Cancellation = Sender<()>;

/// Disconnected once the [`Cancellation`] was dropped; never receives anything.
pub type WhenCancelled = Receiver<()>;

/// A pair of [`Cancellation`] and [`WhenCancelled`].
#[must_use]
pub fn cancellation() -> (Cancellation, WhenCancelled) {
    bounded(0)
}

/// Whether the [`Cancellation`] was dropped.
#[must_use]
pub fn is_cancelled(when_cancelled: &WhenCancelled) -> bool {
    when_cancelled.try_recv() == Err(TryRecvError::Disconnected)
}
