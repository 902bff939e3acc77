//! Both commands' decisions against a model of RabbitMQ, under a virtual clock: a seed decides
//! what goes wrong and when. `scripts/simulate` runs it.

#![allow(clippy::print_stdout, reason = "scripts/simulate shows what it prints")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

/// Chance that can be repeated.
mod random;

/// The model of RabbitMQ.
#[allow(
    dead_code,
    reason = "the comparison with real brokers uses the rest of it"
)]
mod broker;

/// Time, and wires with delays and limits.
mod world;

/// Senders and workers: the real cores, and model commands.
mod actors;

/// Tasks whose results a queue keeps.
mod kept;

/// Hosts that are busy for a while.
mod busy;
mod deadly;

/// What became of every task.
mod ledger;

/// Fair dispatch, without faults.
mod dispatch;

/// What goes wrong.
mod fault;

/// What a seed decides.
mod scenario;

/// One run, from its seed to its verdict.
mod run;

/// Mistakes on purpose.
mod sabotage;

/// The command line of `scripts/simulate`, and what it prints.
mod simulate;

/// The tests.
mod tests;
