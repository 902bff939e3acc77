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

mod diary;
mod drain;
mod kind;
mod lane;
mod ledger;
mod producer;
mod run;
mod site;
mod staff;
mod trouble;

use run::Options;

#[test]
#[ignore = "takes as long as it is told to; scripts/soak runs it"]
fn soak() {
    let setting = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let number = |name: &str| setting(name).map(|text| text.parse::<f64>().unwrap());
    let options = Options {
        minutes: number("SOAK_MINUTES").unwrap_or(1.0),
        seed: setting("SOAK_SEED").map_or_else(
            || u64::from(std::process::id()),
            |text| text.parse().unwrap(),
        ),
        nodes: match setting("SOAK_CLUSTER") {
            Some(_) => crate::env::Nodes::Three,
            None => crate::env::Nodes::One,
        },
        sabotage: setting("SOAK_SABOTAGE").is_some(),
    };
    run::run(&options);
}
