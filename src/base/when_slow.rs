//! What is put off while a command is quick.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A command that takes longer is slow. Sending a task over a network takes less, as a rule; nobody
/// presses Ctrl+C before.
pub const QUICK: Duration = Duration::from_millis(50);

/// Something that is done once a command has turned out to be slow, however often that is told.
#[derive(Clone, Default)]
pub struct WhenSlow(Option<Arc<dyn Fn() + Send + Sync>>);

impl WhenSlow {
    /// `work` is called from any thread, perhaps several times.
    pub fn new(work: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(work)))
    }

    /// Whether there is anything to do.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.0.is_some()
    }

    /// It is slow.
    pub fn tell(&self) {
        if let Some(work) = &self.0 {
            work();
        }
    }
}

impl fmt::Debug for WhenSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WhenSlow").field(&self.is_needed()).finish()
    }
}
