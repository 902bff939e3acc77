//! The worker's decisions: deliveries in, starts and acknowledgements out.
//!
//! A state machine without I/O, threads, clock or randomness. The shell around it tells what has
//! happened ([`Input`]) and when ([`Moment`]), and carries out what follows ([`Action`]):
//!
//! ```text
//! loop {
//!     while let Some(action) = worker.poll() { carry_out(action) }
//!     let input = wait_for_something_until(worker.wakes_at()).unwrap_or(Input::Time);
//!     worker.handle(now(), input);
//! }
//! ```
//!
//! All that could lose a task, do it twice or leave it undone is decided here. [`Worker`] joins
//! parts which know nothing of each other: `consumer` (the connection, and how many tasks it may
//! deliver), `intake` with `local_queue`, `completed` (had their outcome and may come again),
//! `held_back` (failed and could not be moved) and `counting` (of returns), `slots`, `settlement`
//! (what must be safe before a task is acknowledged) and `acks`, each with a `batch` (what is sent together),
//! `emptiness`, `stopping`, `auto_prefetch` (how many tasks are held). [`policy`],
//! [`messages`], [`headers`] and [`replay`] are functions. Its own steps stand in `arrivals` (a task
//! comes), `settling` and
//! `returning` (a task ends, or goes back), `verdicts` (its messages are safe, or cannot be), `idle`,
//! `pause`, `prefetching`, `sending` and `stop`; what others may ask it in `state` and `next_tasks`.

mod account;
mod acks;
mod action;
mod arrivals;
mod auto_prefetch;
mod completed;
mod consumer;
mod counting;
mod delivery;
mod emptiness;
mod event;
#[cfg(test)]
mod fuzz;
pub mod headers;
mod held_back;
mod idle;
mod input;
mod intake;
mod local_queue;
pub mod messages;
mod moment;
mod next_tasks;
mod others;
mod outgoing;
mod pause;
pub mod policy;
mod prefetching;
pub mod replay;
mod result_message;
mod returning;
mod sending;
mod settings;
mod settlement;
mod settling;
mod share;
mod slots;
mod state;
mod stop;
mod stopping;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod verdicts;
mod worker;

pub use acks::LINGER as ACK_LINGER;
pub use action::{Action, ConsumeOn, Start, Urgency};
pub use delivery::Delivery;
pub use emptiness::Counts;
pub use event::{Event, TaskEvent};
pub use input::Input;
pub use moment::Moment;
pub use outgoing::{Destination, Outgoing, Verdict};
pub use settings::{EndSettings, Prefetching, Settings};
pub use slots::CannotRun;
pub use stopping::{End, Reason};
pub use worker::Worker;
