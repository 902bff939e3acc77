//! The work queue for the shell: `new_task` puts tasks on a durable queue, `worker` does them.
//!
//! **The promise.** A task that `new_task` reported as sent is carried out at least once, or lies
//! in the dead-letter queue with the reason.
//!
//! Data runs one way: arguments → tasks → publisher → broker, and broker → delivery → task →
//! work → outcome → acknowledgement. The modules, in the order in which to read them:
//!
//! - [`arguments`]: the command line, kept from other users' eyes; [`cli`]: parsed once into
//!   final types;
//! - [`new_task`] and [`worker`]: what the two commands do. `worker::core` decides, and has no I/O;
//!   the loop around it connects, consumes and acknowledges, `worker::process` runs commands;
//! - [`connection`]: reaching a broker, and reaching it again; [`topology`] and
//!   [`auxiliary`]: declaring the work queue and those beside it;
//! - [`publisher`] with [`confirms`]: the one engine that gets a message confirmed, for both
//!   commands. `publisher::core` decides, and has no I/O; the driver around it does what it says;
//! - [`amqp`]: the wall around the client library, the only module that knows it;
//! - [`task`], [`record`], [`endpoint`], [`backoff`], [`escape`], [`refusal`]: small and pure;
//! - [`report`], [`json`] and [`progress`]: what is told, to people and to programs;
//! - [`shutdown`], [`logging`], [`fault`], [`exit_code`]: how it ends.

pub mod amqp;
pub mod arguments;
pub mod auxiliary;
pub mod backoff;
pub mod cli;
pub mod confirms;
pub mod connection;
pub mod endpoint;
pub mod escape;
pub mod exit_code;
pub mod fault;
#[cfg(test)]
mod fuzz;
pub mod json;
pub mod logging;
pub mod new_task;
pub mod progress;
pub mod publisher;
pub mod record;
pub mod refusal;
pub mod report;
pub mod shutdown;
pub mod task;
pub mod topology;
pub mod worker;
