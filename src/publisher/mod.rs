//! Publishing: a message is sent when the broker has confirmed it.
//!
//! [`core`] decides: it gets each message confirmed, or finds out why that cannot be. [`Driver`]
//! does what the core says with a real broker, for its [`User`]: `new_task`, a worker's
//! retries and dead letters and results, a replay of dead letters. What was not confirmed when a
//! connection broke is sent again, with the same id: twice is better than never.

pub mod core;
mod declaring;
mod driver;
mod user;

pub use driver::Driver;
pub use user::{Answered, Content, ResultsFrom, User};

/// Unconfirmed bodies in bytes, together: beyond this the window is full, so that large bodies
/// do not fill the memory. Half of what the client library buffers before it waits.
pub const WINDOW_BYTES: usize = 8 << 20;
