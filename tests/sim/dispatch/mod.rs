//! Fair dispatch and `--prefetch auto`: the worker's core against a model of one queue, with ways and
//! run times that are known, so that what would be ideal is known, too. No faults here.

mod queue;
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

/// Heavy and light in turn: whoever is busy is spared.
#[test]
fn heavy_and_light_in_turn_take_as_long_as_they_must() {
    for count in [2, 4, 8] {
        let runs: Vec<Duration> = (0..400)
            .map(|n| if n % 2 == 0 { 200 * MS } else { 10 * MS })
            .collect();
        let run = Model::run(Workers::auto(count, 1), MS / 4, runs);
        let ratio = run.took().as_secs_f64() / ideal(count, &run.runs).as_secs_f64();
        println!("{count} workers: {ratio:.4} of the ideal");
        assert!(ratio <= 1.02, "{ratio}");
    }
}

/// Tasks of a millisecond, twenty milliseconds each way.
#[test]
fn short_tasks_over_a_long_way_are_done_as_by_the_best_fixed_number() {
    let runs = vec![MS; 20_000];
    let took = |workers| Model::run(workers, 20 * MS, runs.clone()).took();
    let fixed = [4, 8, 32, 100, 300, 1000].map(|prefetch| took(Workers::fixed(1, 4, prefetch)));
    let best = fixed.iter().min().unwrap().as_secs_f64();
    let auto = took(Workers::auto(1, 4)).as_secs_f64();
    println!(
        "fixed {fixed:?}, auto {auto:.2} s: {:.3} of the best",
        best / auto
    );
    assert!(best / auto >= 0.9, "{fixed:?}, {auto}");
    assert!(fixed[0].as_secs_f64() / auto >= 15.0);
}

/// One in a hundred takes ten seconds instead of five milliseconds.
#[test]
fn nothing_waits_behind_a_long_task_while_another_worker_is_idle() {
    for (count, slots) in [(2, 1), (4, 1), (3, 2)] {
        for first in [7, 40, 93, 95, 96, 97, 98, 99] {
            let long = |n: usize| n % 100 == first;
            let runs = (0..2_000).map(|n| if long(n) { 10_000 * MS } else { 5 * MS });
            let run = Model::run(Workers::auto(count, slots), MS, runs.collect());
            let (unfair, handed_on) = (run.unfair, run.handed_on);
            println!(
                "{count} workers, {slots} slots: waited {unfair:?} at most, {handed_on} handed on"
            );
            assert!(
                run.unfair <= Duration::from_secs(1) + 10 * MS,
                "{:?}",
                run.unfair
            );
        }
    }
}

/// Tasks of a minute: as with as many as there are slots, event for event.
#[test]
fn long_tasks_are_taken_one_at_a_time() {
    let runs = vec![Duration::from_secs(60); 40];
    let [auto, fixed] = [Workers::auto(3, 1), Workers::fixed(3, 1, 1)]
        .map(|workers| Model::run(workers, MS, runs.clone()).begun);
    assert_eq!(auto, fixed);
}

/// Short work that gets longer: two seconds, begun at different times. What was held is given away
/// once, and then nothing more is taken than there is room for.
#[test]
fn work_that_gets_long_is_not_handed_on_for_ever() {
    for slots in [4, 16] {
        let runs = (0..3_000).map(|n| match n {
            0..2_000 => 2 * MS,
            n => 2_000 * MS + u32::try_from(n % 37).unwrap() * 40 * MS,
        });
        let run = Model::run(Workers::auto(2, slots), 5 * MS, runs.collect());
        let (handed_on, consumers) = (run.handed_on, run.queue.consumers_started());
        println!("{slots} slots: {handed_on} handed on, {consumers} consumers");
        // What two workers hold: as much as runs in 40 ms and a way.
        assert!(handed_on <= 2 * 27 * slots + 20, "{handed_on}");
        assert!(
            run.unfair <= Duration::from_secs(1) + 20 * MS,
            "{:?}",
            run.unfair
        );
    }
}

/// Short work that gets somewhat longer, so that nothing is held any more: a consumer that may have as
/// many tasks as there are slots stays.
#[test]
fn a_worker_that_holds_nothing_any_more_keeps_its_consumer() {
    for slots in [2, 8] {
        let runs = (0..3_000).map(|n| match n {
            0..1_000 => MS,
            n => (40 + n % 37) * MS,
        });
        let run = Model::run(Workers::auto(2, slots), MS / 2, runs.collect());
        let consumers = run.queue.consumers_started();
        println!("{slots} slots: {consumers} consumers");
        assert!(consumers <= 40, "{consumers}");
    }
}

/// A worker that is alone does the tasks in the order in which they were sent, long ones among them.
#[test]
fn a_worker_that_is_alone_keeps_the_order() {
    let long = |n: usize| n % 100 == 50;
    let runs = (0..1_000).map(|n| if long(n) { 10_000 * MS } else { 5 * MS });
    let run = Model::run(Workers::auto(1, 1), MS, runs.collect());
    let order: Vec<usize> = run.begun.iter().map(|begun| begun.task).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(run.handed_on, 0);
    let consumers = run.queue.consumers_started();
    println!("{consumers} consumers");
    assert!(consumers <= 10, "{consumers}");
}

/// A worker that comes while another one is at a long task has the tasks that wait there.
#[test]
fn who_comes_later_takes_what_waits_behind_a_long_task() {
    let runs = (0..300).map(|n| if n == 200 { 60_000 * MS } else { 5 * MS });
    let mut workers = Workers::auto(2, 1);
    workers.others_begin = 10_000 * MS;
    let run = Model::run(workers, MS, runs.collect());
    let late = run.begun.iter().filter(|begun| begun.worker == 1);
    assert!(late.clone().count() > 0 && run.handed_on > 0);
    println!("{} handed on, waited {:?}", run.handed_on, run.unfair);
    assert!(run.unfair <= Duration::from_secs(1), "{:?}", run.unfair);
    assert!(run.took() < 62_000 * MS, "{:?}", run.took());
}
