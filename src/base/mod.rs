//! Small things that all else rests on. They know nothing of AMQP's library, and not of each
//! other, but for faults and what is shown of bytes.

pub mod backoff;
pub mod batch;
mod broker_url;
pub mod cancellation;
pub mod duration;
pub mod endpoint;
pub mod escape;
pub mod exit_code;
pub mod fault;
#[cfg(test)]
pub(crate) mod fuzz;
pub mod init;
pub mod logging;
pub mod plural;
pub mod refusal;
pub mod signals;
pub mod when_slow;
