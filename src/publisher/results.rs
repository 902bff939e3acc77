//! Whether results come back.

use std::time::Duration;

/// Whether the tasks' results are waited for. They come to the channel that the tasks are published
/// on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Results {
    /// They are, for at most so long after the last task was confirmed.
    Wanted(Option<Duration>),
    /// They are not.
    No,
}
