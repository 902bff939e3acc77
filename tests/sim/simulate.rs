//! Many runs on all cores, and what is told of them.

use crate::run::{Record, Report, run};
use crate::sabotage::Sabotage;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub runs: u64,
    pub time: Duration,
    pub failure: Failure,
}

/// What follows when a schedule fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    EndsAll,
    /// All that fail are told.
    IsNoted,
}

/// The seeds of many runs.
#[derive(Debug)]
pub struct Seeds {
    kept: Vec<u64>,
    /// Those that follow begin here.
    then: u64,
}

impl Seeds {
    /// From this one on.
    pub fn from(then: u64) -> Self {
        let kept = Vec::new();
        Self { kept, then }
    }

    /// Those that ever failed, and then new ones, from a seed that the clock decides.
    pub fn kept_and_new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self {
            kept: kept(),
            then: u64::from(now.subsec_nanos()) * 1_000_000,
        }
    }

    /// How many were kept.
    pub fn kept(&self) -> u64 {
        self.kept.len() as u64
    }

    fn get(&self, number: u64) -> u64 {
        let kept = usize::try_from(number)
            .ok()
            .and_then(|at| self.kept.get(at));
        let new = || self.then.wrapping_add(number - self.kept());
        kept.copied().unwrap_or_else(new)
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, then) = (self.kept(), self.then);
        write!(f, "{kept} seeds that failed once, then from seed {then} on")
    }
}

/// The seeds that ever failed.
fn kept() -> Vec<u64> {
    let lines = include_str!("seeds").lines();
    let numbers = lines.filter_map(|line| line.split('#').next());
    numbers
        .filter_map(|number| number.trim().parse().ok())
        .collect()
}

/// What came of many runs.
pub struct Summary {
    pub runs: u64,
    pub events: u64,
    pub took: Duration,
    /// Those that failed; the first one with its trace.
    pub failed: Vec<Report>,
}

/// Runs these seeds until one fails, or the limits are reached.
pub fn simulate(seeds: &Seeds, limits: Limits, sabotage: Option<Sabotage>) -> Summary {
    let begun = Instant::now();
    let (next, runs, events) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Vec<Report>> = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    let work = || {
        while !stop.load(Ordering::Relaxed) && begun.elapsed() < limits.time {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= limits.runs {
                return;
            }
            let mut report = run(seeds.get(number), sabotage, Record::No);
            runs.fetch_add(1, Ordering::Relaxed);
            events.fetch_add(report.events, Ordering::Relaxed);
            if !report.wrongs.is_empty() && is_to_blame(&report, sabotage) {
                if limits.failure == Failure::EndsAll {
                    stop.store(true, Ordering::Relaxed);
                }
                let mut failed = failed.lock().unwrap();
                if failed.is_empty() {
                    report = run(report.seed, sabotage, Record::Yes);
                }
                failed.push(report);
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
    /// All that happened, if it was written down, the seed, and what is wrong.
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
    /// Fails where a schedule did.
    #[track_caller]
    pub fn expect_all_to_pass(&self) {
        let first = self.failed.first().map(Report::describe);
        assert!(self.failed.is_empty(), "{}", first.unwrap_or_default());
    }

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
