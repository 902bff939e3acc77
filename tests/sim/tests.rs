//! What is asserted of the simulation.

use crate::run::{Record, Report, run};
use crate::sabotage::Sabotage;
use crate::simulate::{Failure, Limits, Seeds, simulate};
use std::env;
use std::time::Duration;

/// So long new schedules are tried in every test run. `scripts/simulate` takes longer, and is faster.
const NEW: Duration = Duration::from_secs(5);

/// A sabotage is found within this many runs.
const ENOUGH: u64 = 4000;

fn limited(runs: u64) -> Limits {
    Limits {
        runs,
        time: Duration::MAX,
        failure: Failure::EndsAll,
    }
}

#[test]
fn seeds_that_ever_failed_pass_and_so_do_new_ones() {
    let seeds = Seeds::kept_and_new();
    let kept = simulate(&seeds, limited(seeds.kept()), None);
    kept.expect_all_to_pass();
    assert_eq!(kept.runs, seeds.kept());
    let limits = Limits {
        time: kept.took + NEW,
        ..limited(u64::MAX)
    };
    let all = simulate(&seeds, limits, None);
    all.expect_all_to_pass();
    assert!(all.runs > kept.runs, "no new one in {NEW:?}");
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        let [first, again] = [(); 2].map(|()| run(seed, None, Record::Yes));
        for (number, (one, other)) in first.trace.iter().zip(&again.trace).enumerate() {
            assert_eq!(one, other, "line {number} of the trace of seed {seed}");
        }
        assert_eq!(first.trace.len(), again.trace.len(), "seed {seed}");
    }
}

#[test]
fn every_sabotage_is_found() {
    for sabotage in Sabotage::ALL {
        let summary = simulate(&Seeds::from(0), limited(ENOUGH), Some(sabotage));
        let (name, seconds) = (sabotage.name(), summary.took.as_secs_f64());
        let Some(found) = summary.failed.first() else {
            panic!("{name} was not found in {} schedules", summary.runs);
        };
        println!("{name}: found after {seconds:.2} s by seed {}", found.seed);
    }
}

/// What `scripts/simulate` runs.
#[test]
#[ignore = "it is scripts/simulate that runs it"]
fn simulation() {
    let (runs, seed) = (number("SIM_RUNS"), number("SIM_SEED"));
    let limits = Limits {
        runs: runs.unwrap_or(if seed.is_some() { 1 } else { u64::MAX }),
        time: match (runs, seed, number("SIM_SECONDS")) {
            (_, _, Some(seconds)) => Duration::from_secs(seconds),
            (None, None, None) => Duration::from_secs(10),
            _ => Duration::MAX,
        },
        failure: match env::var_os("SIM_ALL") {
            Some(_) => Failure::IsNoted,
            None => Failure::EndsAll,
        },
    };
    let seeds = seed.map_or_else(Seeds::kept_and_new, Seeds::from);
    println!("{seeds}");
    let summary = simulate(&seeds, limits, sabotage());
    for failed in &summary.failed {
        println!("{}", failed.describe());
    }
    println!("{}", summary.describe());
    let failed: Vec<u64> = summary
        .failed
        .iter()
        .map(|failed: &Report| failed.seed)
        .collect();
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}: `{text}` is no number")))
}

fn sabotage() -> Option<Sabotage> {
    let name = env::var("SIM_SABOTAGE").ok()?;
    let found = Sabotage::named(&name);
    Some(found.unwrap_or_else(|| {
        let names: Vec<String> = Sabotage::ALL.map(Sabotage::name).to_vec();
        panic!("no such sabotage: {name}; there are {}", names.join(", "))
    }))
}
