//! Many runs on all cores, and what is told of them.

use crate::run::{Record, Report, run};
use crate::sabotage::Sabotage;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub runs: u64,
    pub time: Duration,
}

/// What came of many runs.
pub struct Summary {
    pub runs: u64,
    pub events: u64,
    pub took: Duration,
    /// The first that failed, by seed, with its trace.
    pub failed: Option<Report>,
}

/// The seeds that ever failed. They are run first, always.
pub fn kept() -> Vec<u64> {
    let lines = include_str!("seeds").lines();
    let numbers = lines.filter_map(|line| line.split('#').next());
    numbers
        .filter_map(|number| number.trim().parse().ok())
        .collect()
}

/// Runs these seeds until one fails, or the limits are reached.
pub fn simulate(
    seeds: impl Fn(u64) -> u64 + Sync,
    limits: Limits,
    sabotage: Option<Sabotage>,
) -> Summary {
    let begun = Instant::now();
    let (next, runs, events) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Option<Report>> = Mutex::new(None);
    let stop = AtomicBool::new(false);
    let work = || {
        while !stop.load(Ordering::Relaxed) && begun.elapsed() < limits.time {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= limits.runs {
                return;
            }
            let report = run(seeds(number), sabotage, Record::No);
            runs.fetch_add(1, Ordering::Relaxed);
            events.fetch_add(report.events, Ordering::Relaxed);
            if !report.wrongs.is_empty() && is_to_blame(&report, sabotage) {
                stop.store(true, Ordering::Relaxed);
                let traced = run(report.seed, sabotage, Record::Yes);
                failed.lock().unwrap().get_or_insert(traced);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    Summary {
        runs: runs.into_inner(),
        events: events.into_inner(),
        took: begun.elapsed(),
        failed: failed.into_inner().unwrap(),
    }
}

/// Whether it is the mistake on purpose that was found, if one was made.
fn is_to_blame(report: &Report, sabotage: Option<Sabotage>) -> bool {
    sabotage.is_none() || run(report.seed, None, Record::No).wrongs.is_empty()
}

impl Report {
    /// The seed, what is wrong, and all that happened.
    pub fn describe(&self) -> String {
        format!(
            "{}\n\nseed {}:\n  {}\n\nscripts/simulate --seed {} repeats it.",
            self.trace.join("\n"),
            self.seed,
            self.wrongs.join("\n  "),
            self.seed
        )
    }
}

impl Summary {
    /// Schedules a second, and how many.
    pub fn describe(&self) -> String {
        let seconds = self.took.as_secs_f64().max(0.001);
        let (runs, events) = (self.runs as f64 / seconds, self.events as f64 / seconds);
        format!(
            "{} schedules in {seconds:.1} s: {runs:.0} a second, {events:.0} events a second",
            self.runs
        )
    }
}
