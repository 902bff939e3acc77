//! The work queue for the shell: `new_task` puts tasks on a durable queue, `worker` does them.
//!
//! **The promise.** A task that `new_task` reported as sent is carried out at least once, or lies
//! in the dead-letter queue with the reason.
//!
//! Data runs one way: arguments → tasks → publisher → broker, and broker → delivery → task →
//! work → outcome → acknowledgement. The modules, in the order in which to read them; each knows
//! only those that come after it:
//!
//! - [`new_task`] and [`worker`]: what the two commands do, and the options of each.
//!   `worker::core` decides, and has no I/O; the loop around it connects, consumes and
//!   acknowledges, `worker::process` runs commands;
//! - [`cli`]: the command line, parsed once into final types, and kept from other users' eyes;
//! - [`publisher`]: the one engine that gets a message confirmed, for both commands.
//!   `publisher::core` decides, and has no I/O; the driver around it does what it says;
//! - [`queues`]: the work queue and those next to it, and how they are declared;
//! - [`task`]: the unit of work, as bytes and as a message;
//! - [`management`]: the broker's HTTP API, asked for what AMQP does not tell;
//! - [`http`]: a small server, for those who watch a worker;
//! - [`amqp`]: the wall around the client library, the only module that knows it;
//! - [`output`]: what is told, to people and to programs;
//! - [`base`]: small things that all else rests on: faults, exit codes, signals, escapes.

pub mod amqp;
pub mod base;
pub mod cli;
pub mod http;
pub mod management;
pub mod new_task;
pub mod output;
pub mod publisher;
pub mod queues;
pub mod task;
pub mod worker;
