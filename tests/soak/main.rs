//! Both commands under fire on real brokers, and then the ledger: each confirmed task must have been
//! carried out, or lie in the dead-letter queue with a reason that fits.
//!
//! Producers send tasks of many kinds, one by one and in bulk. Workers with commands and with
//! pretended work carry them out. The test `cluster` plays three acts on three nodes and runs with
//! the other tests. The test `soak` is `scripts/soak`'s: workers, brokers, connections and links
//! suffer all that they can suffer, at random, for minutes. What chance decides comes from the seed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::print_stdout,
    reason = "the diary and the ledger are its result"
)]

/// Brokers, proxies and the two commands, as the other tests have them.
#[allow(
    dead_code,
    unused_imports,
    reason = "much of it is for the other tests alone"
)]
#[path = "../it/env/mod.rs"]
mod env;

/// The three acts: the leader killed, the leader frozen, two nodes killed and brought back.
mod acts;

/// How many tasks wait.
mod backlog;

/// One call of `new_task`.
mod call;

/// Three nodes, with each run of the tests.
mod cluster;

/// Another client on the same queue, to tell the broker's doing from ours.
mod control;

/// What happened when.
mod diary;

/// The end: the queues are emptied.
mod drain;

/// The kinds of tasks.
mod kind;

/// A work queue with its tasks.
mod lane;

/// What became of each task.
mod ledger;

/// What workers are told.
mod orders;

/// Who sends.
mod producer;

/// Results that were kept.
mod results;

/// A run, from the broker's start to the verdict.
mod run;

/// The broker and the ways to it.
mod site;

/// Who works.
mod staff;

/// Faults at random.
mod trouble;

use env::broker::Nodes;
use run::{Course, Options};

#[test]
#[ignore = "takes as long as it is told to; scripts/soak runs it"]
fn soak() {
    let setting = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let minutes = setting("SOAK_MINUTES").map_or(1.0, |text| text.parse().unwrap());
    let seed = setting("SOAK_SEED").map(|text| text.parse().unwrap());
    run::run(&Options {
        seed: seed.unwrap_or_else(|| u64::from(std::process::id())),
        nodes: match setting("SOAK_CLUSTER") {
            Some(_) => Nodes::Three,
            None => Nodes::One,
        },
        course: Course::Minutes(minutes),
        sabotage: setting("SOAK_SABOTAGE").is_some(),
    });
}
