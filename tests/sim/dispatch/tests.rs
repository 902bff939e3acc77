//! What is fair, and how fast.

use super::*;

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
