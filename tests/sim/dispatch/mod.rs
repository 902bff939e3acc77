//! Fair dispatch and `--prefetch auto`: the worker's core against a model of one queue, with ways and
//! run times that are known, so that what would be ideal is known, too. No faults here.

mod queue;
mod tests;
mod worker;

use queue::Queue;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU16;
use std::time::{Duration, Instant, SystemTime};
use work_queue::amqp::Prefetch;
use work_queue::worker::core::{Moment, Prefetching};
use worker::ModelWorker;

const MS: Duration = Duration::from_millis(1);

/// What happens, and to which worker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// Something reaches the broker.
    ToBroker(usize, queue::Request),
    /// Something reaches the worker.
    ToWorker(usize, worker::News),
    /// A worker begins.
    Begins(usize),
    /// A worker looks at the clock.
    Wakes(usize),
}

/// A task that has begun: when it came there, when it began, where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Begun {
    task: usize,
    came: Duration,
    at: Duration,
    worker: usize,
}

/// One run.
struct Model {
    now: Duration,
    agenda: BinaryHeap<Reverse<(Duration, u64, Happens)>>,
    planned: u64,
    /// From a worker to the broker, and back: as long again.
    way: Duration,
    /// How long each task runs.
    runs: Vec<Duration>,
    queue: Queue,
    begun: Vec<Begun>,
    /// Since when each worker has had a slot without work.
    idle: Vec<Option<Duration>>,
    /// The longest time for which a task has waited here while another worker was idle.
    unfair: Duration,
    /// How many tasks were handed on.
    handed_on: usize,
    epoch: Instant,
}

/// The workers of a run.
#[derive(Clone, Copy, Debug)]
struct Workers {
    count: usize,
    slots: usize,
    prefetch: usize,
    prefetching: Prefetching,
    /// When all but the first one begin.
    others_begin: Duration,
}

impl Workers {
    fn auto(count: usize, slots: usize) -> Self {
        Self {
            count,
            slots,
            prefetch: slots,
            prefetching: Prefetching::Auto,
            others_begin: Duration::ZERO,
        }
    }

    fn fixed(count: usize, slots: usize, prefetch: usize) -> Self {
        Self {
            count,
            slots,
            prefetch,
            prefetching: Prefetching::Fixed,
            others_begin: Duration::ZERO,
        }
    }

    fn prefetch(self) -> Prefetch {
        let count = u16::try_from(self.prefetch).unwrap();
        Prefetch::AtMost(NonZeroU16::new(count).unwrap())
    }
}

impl Model {
    fn run(workers: Workers, way: Duration, runs: Vec<Duration>) -> Self {
        let mut model = Self {
            now: Duration::ZERO,
            agenda: BinaryHeap::new(),
            planned: 0,
            way,
            queue: Queue::of(runs.len()),
            runs,
            begun: Vec::new(),
            idle: vec![None; workers.count],
            unfair: Duration::ZERO,
            handed_on: 0,
            epoch: Instant::now(),
        };
        let mut all: Vec<ModelWorker> = (0..workers.count)
            .map(|number| ModelWorker::new(number, workers, model.moment()))
            .collect();
        for number in 0..workers.count {
            let at = if number == 0 {
                Duration::ZERO
            } else {
                workers.others_begin
            };
            model.plan(at, Happens::Begins(number));
        }
        while let Some(Reverse((at, _, what))) = model.agenda.pop() {
            model.now = at;
            match what {
                Happens::ToBroker(from, request) => {
                    for (to, news) in model.queue.take(from, request) {
                        let at = model.now + model.way;
                        model.plan(at, Happens::ToWorker(to, news));
                    }
                }
                Happens::ToWorker(to, news) => all[to].hear(&mut model, news),
                Happens::Wakes(number) => all[number].wake(&mut model),
                Happens::Begins(number) => all[number].go_on(&mut model),
            }
        }
        assert_eq!(model.queue.done(), model.runs.len(), "all are acknowledged");
        model
    }

    fn plan(&mut self, at: Duration, what: Happens) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned, what)));
    }

    fn moment(&self) -> Moment {
        Moment {
            instant: self.epoch + self.now,
            wall: SystemTime::UNIX_EPOCH + self.now,
        }
    }

    /// A task that came to this worker at that time waits no longer.
    fn waited(&mut self, worker: usize, came: Duration) {
        let others = self.idle.iter().enumerate();
        let others = others.filter(|(other, _)| *other != worker);
        let waited =
            others.filter_map(|(_, since)| Some(self.now.saturating_sub((*since)?.max(came))));
        self.unfair = waited.fold(self.unfair, Duration::max);
    }

    /// A task begins, which came to this worker at that time.
    fn begins(&mut self, worker: usize, task: usize, came: Duration) {
        self.waited(worker, came);
        let at = self.now;
        self.begun.push(Begun {
            task,
            came,
            at,
            worker,
        });
    }

    /// When the last task had ended.
    fn took(&self) -> Duration {
        let ends = self
            .begun
            .iter()
            .map(|begun| begun.at + self.runs[begun.task]);
        ends.max().unwrap_or_default()
    }
}

/// Whoever is free has the next task at that very moment.
fn ideal(slots: usize, runs: &[Duration]) -> Duration {
    let mut free: BinaryHeap<Reverse<Duration>> =
        (0..slots).map(|_| Reverse(Duration::ZERO)).collect();
    for run in runs {
        let Reverse(at) = free.pop().unwrap();
        free.push(Reverse(at + *run));
    }
    free.into_iter().map(|Reverse(at)| at).max().unwrap()
}
