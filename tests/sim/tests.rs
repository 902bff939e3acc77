//! What is asserted of the simulation.

use crate::run::{Record, run};
use crate::sabotage::Sabotage;
use crate::simulate::{Limits, kept, simulate};
use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// So many schedules are part of every test run.
const SCHEDULES: u64 = 400;

/// A sabotage is found within so many.
const ENOUGH: u64 = 4000;

fn limited(runs: u64) -> Limits {
    Limits {
        runs,
        time: Duration::MAX,
    }
}

#[test]
fn seeds_that_ever_failed_pass() {
    let seeds = kept();
    let summary = simulate(
        |number| seeds[number as usize],
        limited(seeds.len() as u64),
        None,
    );
    assert!(
        summary.failed.is_none(),
        "{}",
        summary.failed.unwrap().describe()
    );
    assert_eq!(summary.runs, seeds.len() as u64);
}

#[test]
fn schedules_pass() {
    let summary = simulate(|number| number, limited(SCHEDULES), None);
    assert!(
        summary.failed.is_none(),
        "{}",
        summary.failed.unwrap().describe()
    );
    assert_eq!(summary.runs, SCHEDULES);
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
        let summary = simulate(|number| number, limited(ENOUGH), Some(sabotage));
        let name = sabotage.name();
        assert!(
            summary.failed.is_some(),
            "{name} was not found in {} schedules",
            summary.runs
        );
        println!("{name}: found in schedule {}", summary.runs);
    }
}

/// What `scripts/simulate` runs.
#[test]
#[ignore = "it is scripts/simulate that runs it"]
fn simulation() {
    let number = |name: &str| {
        let text = env::var(name).ok();
        text.map(|text| {
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("{name}: `{text}` is no number"))
        })
    };
    let sabotage = env::var("SIM_SABOTAGE").ok().map(|name| {
        Sabotage::named(&name).unwrap_or_else(|| {
            let names: Vec<String> = Sabotage::ALL.map(Sabotage::name).to_vec();
            panic!("no such sabotage: {name}; there are {}", names.join(", "))
        })
    });
    let (runs, seconds) = (number("SIM_RUNS"), number("SIM_SECONDS"));
    let seed = number("SIM_SEED");
    let limits = Limits {
        runs: runs.unwrap_or(if seed.is_some() { 1 } else { u64::MAX }),
        time: match (runs, seed, seconds) {
            (_, _, Some(seconds)) => Duration::from_secs(seconds),
            (None, None, None) => Duration::from_secs(10),
            _ => Duration::MAX,
        },
    };
    let first = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(now.subsec_nanos()) * 1_000_000
    });
    let kept = if seed.is_some() { Vec::new() } else { kept() };
    let pick = |number: u64| match kept.get(number as usize) {
        Some(seed) => *seed,
        None => first.wrapping_add(number - kept.len() as u64),
    };
    println!(
        "{} seeds that were kept, then from seed {first} on",
        kept.len()
    );
    let summary = simulate(pick, limits, sabotage);
    if let Some(failed) = &summary.failed {
        println!("{}", failed.describe());
    }
    println!("{}", summary.describe());
    assert!(summary.failed.is_none(), "a schedule has failed");
}
