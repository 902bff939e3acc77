//! How many tasks a worker takes beyond those that run (`--prefetch auto`). Pure.
//!
//! A worker that holds no more than it runs is fair: whoever is free has the next task. But between
//! two tasks it waits for the way to the broker and back. That is nothing beside a task of a minute,
//! and nearly everything beside one of a millisecond. So the worker measures both:
//!
//! - R, the way: the time from an acknowledgement to the delivery that it made room for; the lower quartile
//!   of the last 16. The least is too little: now and then broker and worker happen to be awake;
//! - S, the work: the 90th percentile of the last run times, and the mean of those below it.
//!
//! It holds as many more tasks as its slots do in R and 40 ms (160 ms, if results are sent), by the mean; and
//! none where R is less than a twentieth of the whole, by the percentile. The number grows when a slot has
//! waited although the queue was not empty: at once to what runs in 40 ms, and eightfold at most beyond that.
//! Less than half of what runs in 40 ms grows, too. It is halved when even the task that waited least here has
//! waited for longer than that (`CoDel`'s sign of a standing queue, RFC 8289), and it follows at once when the
//! work gets longer. When a task runs for longer than ten times R, and a second at least, nothing is held
//! behind it.

use super::others::Others;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most that is held beyond what runs: beyond it, a second worker is of more use.
const MOST: u64 = 300;

/// By how much the number may grow at once. Another consumer costs three ways, in which nothing
/// comes, so that with doubling a second would pass over a way of 40 ms.
const GROWTH: u64 = 8;

/// How long tasks may wait here in any case. Then acknowledgements and deliveries come several at a time,
/// which saves each short command up to a tenth of its time; nobody notices such a wait.
const SHORT_WAIT: Duration = Duration::from_millis(40);

/// The same where results are sent. They go several at a time, too, after up to 80 ms, and until they are
/// confirmed their tasks take up places.
const SHORT_WAIT_WITH_RESULTS: Duration = Duration::from_millis(160);

/// How many run times, and ways, count.
const RUNS: usize = 64;
const WAYS: usize = 16;

/// How many run times there must be before anything is concluded.
const ENOUGH: usize = 8;

/// Work that takes this many times the way hides it: less than a twentieth is lost.
const HIDES: u32 = 19;

/// It must take twice as many before what is held already is given up: no back and forth.
const HIDES_SURELY: u32 = 2 * HIDES;

/// How many times the mean the 90th percentile may be, where a machine is busy with equal tasks.
const SPREAD: u128 = 2;

/// A delivery that takes longer than this many ways waited for a task, not for the way.
const SLOW: u32 = 4;

/// A run may take that many ways, but this long in any case, before what waits behind it is given
/// to others.
const LONG_WAYS: u32 = 10;
const LONG: Duration = Duration::from_secs(1);

/// How long at least the least wait is observed.
const INTERVAL: Duration = Duration::from_millis(100);

/// What was measured, and what follows from it.
#[derive(Debug)]
pub(super) struct AutoPrefetch {
    slots: u64,
    /// How many are held beyond what runs.
    extra: u64,
    /// It was halved, and no slot has waited since.
    was_halved: bool,
    /// When room was made for the next delivery.
    asked: Option<Instant>,
    /// When the present consumer began.
    since: Option<Instant>,
    ways: VecDeque<Duration>,
    runs: VecDeque<Duration>,
    /// Since when waits are observed, and the least of them.
    observed: Option<(Instant, Duration)>,
    /// Whether others could do what is held.
    pub(super) others: Others,
    /// A task had a result to be sent.
    pub(super) sends_results: bool,
    /// A task had a priority: one that is in the queue yet may be more urgent than what is held here.
    pub(super) has_priorities: bool,
}

impl AutoPrefetch {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: slots as u64,
            extra: 0,
            was_halved: false,
            asked: None,
            since: None,
            ways: VecDeque::with_capacity(WAYS),
            runs: VecDeque::with_capacity(RUNS),
            observed: None,
            others: Others::default(),
            sends_results: false,
            has_priorities: false,
        }
    }

    /// How many tasks are held beyond what runs.
    pub(super) fn extra(&self) -> u64 {
        self.extra
    }

    /// Nothing more is held until a slot has waited again.
    pub(super) fn hold_nothing(&mut self) {
        self.extra = 0;
        self.observed = None;
    }

    /// The consumer had all that it may have, and an acknowledgement made room.
    pub(super) fn made_room(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Whether the next delivery shows how long the way takes.
    pub(super) fn times_delivery(&self) -> bool {
        self.asked.is_some()
    }

    /// A consumer begins. Until now the worker waited for it, and for nothing else.
    pub(super) fn consumes(&mut self, now: Instant) {
        self.asked = None;
        self.observed = None;
        self.since = Some(now);
    }

    /// A task was delivered; whether a slot waited for it.
    pub(super) fn delivered(&mut self, now: Instant, was_awaited: bool) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        let way = now.saturating_duration_since(asked);
        push(&mut self.ways, way, WAYS);
        let has_starved = was_awaited && self.way().is_some_and(|least| way <= least * SLOW);
        let at_once = self.in_short_wait().max(self.slots);
        let is_far_below = self.extra > 0 && 2 * self.extra <= at_once && !self.was_halved;
        let wanted = self.wanted(HIDES);
        if (has_starved || is_far_below) && wanted > self.extra {
            self.was_halved = false;
            self.extra = wanted.min(at_once.max(GROWTH * self.extra));
        }
    }

    /// A task has begun after it had `waited` here.
    pub(super) fn began(&mut self, now: Instant, waited: Duration) {
        let Some(way) = self.way().filter(|_| self.extra > 0) else {
            return;
        };
        let (since, least) = self.observed.unwrap_or((now, Duration::MAX));
        let least = least.min(waited);
        if now.saturating_duration_since(since) < INTERVAL.max(way * 4) {
            self.observed = Some((since, least));
            return;
        }
        self.observed = None;
        if least > way + self.short_wait() {
            self.extra /= 2;
            self.was_halved = true;
        }
    }

    /// A task that began at this time has ended, and took this long. If the worker waited for a
    /// consumer meanwhile, it does not know when the task ended: that makes no long one of a short one.
    pub(super) fn ran(&mut self, began: Instant, took: Duration) {
        if self.since.is_none_or(|since| began < since) && took < LONG {
            return;
        }
        push(&mut self.runs, took, RUNS);
        if self.extra > 0 {
            self.extra = self.extra.min(2 * self.wanted(HIDES_SURELY));
        }
    }

    /// How long a task may run before what waits behind it is given to others.
    pub(super) fn long_run(&self) -> Duration {
        self.way().map_or(LONG, |way| LONG.max(way * LONG_WAYS))
    }

    /// Whether it does no harm that a task waits here until a slot is free.
    pub(super) fn runs_are_short(&self) -> bool {
        self.run().is_some_and(|(long, _)| long < LONG)
    }

    /// R.
    fn way(&self) -> Option<Duration> {
        let mut ways: Vec<Duration> = self.ways.iter().copied().collect();
        let at = ways.len() / 4;
        (at < ways.len()).then(|| *ways.select_nth_unstable(at).1)
    }

    /// S: the 90th percentile, and the mean of those below it.
    fn run(&self) -> Option<(Duration, Duration)> {
        if self.runs.len() < ENOUGH {
            return None;
        }
        let mut runs: Vec<Duration> = self.runs.iter().copied().collect();
        let at = runs.len() * 9 / 10;
        let (below, run, _) = runs.select_nth_unstable(at);
        let mean = below.iter().sum::<Duration>() / below.len().try_into().ok()?;
        Some((*run, mean))
    }

    /// How many are to be held, by what was measured.
    fn wanted(&self, hides: u32) -> u64 {
        let (Some(way), Some((long, run))) = (self.way(), self.run()) else {
            return 0;
        };
        if long > way * hides {
            return 0;
        }
        // The least way is rarely the next one.
        self.in_time(way + way / 4 + self.short_wait(), long, run)
    }

    /// How many tasks the slots do in the time for which any may wait.
    fn in_short_wait(&self) -> u64 {
        let run = self.run();
        run.map_or(0, |(long, run)| self.in_time(self.short_wait(), long, run))
    }

    /// For how long any task may wait here.
    fn short_wait(&self) -> Duration {
        if self.sends_results {
            SHORT_WAIT_WITH_RESULTS
        } else {
            SHORT_WAIT
        }
    }

    /// How many tasks the slots do in that time.
    fn in_time(&self, time: Duration, long: Duration, run: Duration) -> u64 {
        let time = time.as_nanos().saturating_mul(self.slots.into());
        let of = |run: Duration| time.div_ceil(run.as_nanos().max(1));
        // The mean is slow to tell that work gets longer.
        let tasks = of(run).min(SPREAD * of(long));
        u64::try_from(tasks).unwrap_or(MOST).min(MOST)
    }
}

fn push(values: &mut VecDeque<Duration>, value: Duration, most: usize) {
    if values.len() == most {
        values.pop_front();
    }
    values.push_back(value);
}

#[cfg(test)]
mod tests;
