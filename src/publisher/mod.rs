//! Publishing: a message is sent when the broker has confirmed it.
//!
//! [`core`] decides: it gets each message confirmed, or finds out why that cannot be. [`Driver`]
//! does what the core says with a real broker, for whoever is its [`User`]: `new_task`, a worker's
//! retries and dead letters and results, a replay of dead letters. What was not confirmed when a
//! connection broke is sent again, with the same id: twice is better than never.

mod connecting;
pub mod core;
mod declaring;
mod driver;
mod results;
mod user;

pub use driver::Driver;
pub use results::Results;
pub use user::{Content, PublishEvent, User};

/// Unconfirmed bodies in bytes, all in all: beyond this the window is full, so that large bodies
/// do not fill the memory. Half of what the client library buffers before it waits.
pub const WINDOW_BYTES: usize = 8 << 20;

/// The largest payload of a frame, in bytes: RabbitMQ's default for `frame_max`. It takes so much
/// although the eight bytes around a payload count as well.
pub const FRAME_MAX: usize = 131_072;
