//! A command's output stands behind the line that says that its task has begun.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::convert::Infallible;

/// Dropped when it has been told that the task begins.
#[derive(Debug)]
pub struct Telling(#[allow(dead_code, reason = "its end is the message")] Sender<Infallible>);

/// Waits for that.
#[derive(Clone, Debug)]
pub struct Told(Receiver<Infallible>);

impl Told {
    /// It is told later.
    pub fn later() -> (Telling, Self) {
        let (sender, receiver) = bounded(0);
        (Telling(sender), Self(receiver))
    }

    /// Waits until it has been told.
    pub(super) fn wait(&self) {
        // There is never a message, but an end.
        let _ = self.0.recv();
    }
}
