//! The soak run: producers, workers and faults at random for minutes, and then the ledger.
//!
//! `scripts/soak` runs it. Producers send tasks of many kinds, one by one and in bulk. Workers with
//! commands and with pretended work carry them out, while workers are killed, frozen and stopped, and
//! the broker, its connections and the links to it suffer all that they can suffer. At the end all
//! is mended, the queues are drained, and each confirmed task must have been carried out or lie in the
//! dead-letter queue with a reason that fits. What chance decides comes from the seed.

#![allow(
    clippy::print_stdout,
    reason = "the diary and the ledger are its result"
)]

mod acts;
mod call;
mod diary;
mod drain;
mod kind;
mod lane;
mod ledger;
mod orders;
mod producer;
mod run;
mod site;
mod staff;
mod trouble;

use crate::env::Nodes;
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

/// Three nodes: the leader killed, the leader frozen, two killed, while tasks are sent one by one
/// and in bulk and four workers run. Fails if a task is lost or somebody does not go on.
pub fn three_acts() {
    run::run(&Options {
        seed: u64::from(std::process::id()),
        nodes: Nodes::Three,
        course: Course::Acts,
        sabotage: false,
    });
}
