use super::super::testing::moment;
use super::*;

const MS: Duration = Duration::from_millis(1);

/// One whose way and work are known.
fn measured(slots: usize, way: Duration, run: Duration) -> (AutoPrefetch, Instant) {
    let mut now = moment().instant;
    let mut auto = AutoPrefetch::new(slots);
    auto.consumes(now);
    for _ in 0..ENOUGH {
        auto.ran(now, run);
    }
    auto.made_room(now);
    now += way;
    auto.delivered(now, false);
    assert_eq!(auto.extra(), 0, "no slot has waited");
    (auto, now)
}

/// A slot has waited for the way.
fn starved(auto: &mut AutoPrefetch, now: &mut Instant, way: Duration) -> u64 {
    auto.made_room(*now);
    *now += way;
    auto.delivered(*now, true);
    auto.extra()
}

#[test]
fn only_the_first_delivery_after_room_was_made_is_timed() {
    let (mut auto, now) = measured(1, MS, MS);
    assert!(!auto.times_delivery());
    auto.made_room(now);
    assert!(auto.times_delivery());
    auto.delivered(now + MS, false);
    assert!(!auto.times_delivery());
    auto.made_room(now + MS);
    auto.consumes(now + MS);
    assert!(!auto.times_delivery(), "a new consumer waits for nothing");
}

#[test]
fn short_work_over_a_long_way_grows_until_the_way_is_hidden() {
    let (mut auto, mut now) = measured(4, 40 * MS, MS);
    let grown: Vec<u64> = (0..10)
        .map(|_| starved(&mut auto, &mut now, 40 * MS))
        .collect();
    assert_eq!(grown, [160, 300, 300, 300, 300, 300, 300, 300, 300, 300]);
    let (mut auto, mut now) = measured(1, 400 * MS, 8 * MS);
    let grown: Vec<u64> = (0..4)
        .map(|_| starved(&mut auto, &mut now, 400 * MS))
        .collect();
    assert_eq!(grown, [5, 40, 68, 68]);
    let (mut auto, mut now) = measured(64, 40 * MS, MS);
    for _ in 0..20 {
        starved(&mut auto, &mut now, 40 * MS);
    }
    assert_eq!(auto.extra(), MOST);
}

#[test]
fn more_are_held_where_results_are_sent() {
    let (mut auto, mut now) = measured(1, MS, 2 * MS);
    assert_eq!(starved(&mut auto, &mut now, MS), 20);
    auto.sends_results = true;
    auto.made_room(now);
    now += MS;
    auto.delivered(now, false);
    assert_eq!(auto.extra(), 81, "though no slot has waited");
}

#[test]
fn long_work_hides_the_way_by_itself() {
    let (mut auto, mut now) = measured(1, MS, 20 * MS);
    assert_eq!(starved(&mut auto, &mut now, MS), 0);
    let (mut auto, mut now) = measured(1, MS, 19 * MS);
    assert_eq!(starved(&mut auto, &mut now, MS), 3);
}

#[test]
fn a_task_that_comes_late_says_nothing_of_the_way() {
    let (mut auto, mut now) = measured(1, MS, MS);
    assert_eq!(
        starved(&mut auto, &mut now, 5 * MS),
        0,
        "the queue was empty"
    );
    assert_eq!(starved(&mut auto, &mut now, 4 * MS), 40);
}

#[test]
fn without_measurements_nothing_is_held() {
    let before = moment().instant;
    let mut now = before + MS;
    let mut auto = AutoPrefetch::new(1);
    auto.consumes(now);
    auto.ran(before, MS);
    for _ in 1..ENOUGH {
        auto.ran(now, MS);
    }
    assert_eq!(starved(&mut auto, &mut now, MS), 0);
    auto.ran(now, MS);
    assert_eq!(starved(&mut auto, &mut now, MS), 40);
}

#[test]
fn work_that_gets_longer_is_followed_at_once() {
    let (mut auto, mut now) = measured(1, 40 * MS, MS);
    for _ in 0..10 {
        starved(&mut auto, &mut now, 40 * MS);
    }
    assert_eq!(auto.extra(), 90);
    for _ in 0..RUNS {
        auto.ran(now, MS);
    }
    // The 90th percentile: a tenth may be long.
    for _ in 0..6 {
        auto.ran(now, 100 * MS);
    }
    assert_eq!(auto.extra(), 90);
    for _ in 0..4 {
        auto.ran(now, 100 * MS);
    }
    assert_eq!(auto.extra(), 4);
    for _ in 0..RUNS {
        auto.ran(now, Duration::from_secs(60));
    }
    assert_eq!(auto.extra(), 0);
}

#[test]
fn a_standing_queue_is_halved() {
    let (mut auto, mut now) = measured(1, 40 * MS, MS);
    for _ in 0..10 {
        starved(&mut auto, &mut now, 40 * MS);
    }
    let mut begins = |auto: &mut AutoPrefetch, waits: [u32; 4]| {
        for wait in waits {
            auto.began(now, wait * MS);
            now += 60 * MS;
        }
        auto.extra()
    };
    assert_eq!(
        begins(&mut auto, [90, 81, 80, 95]),
        90,
        "one has waited for no longer"
    );
    assert_eq!(begins(&mut auto, [90, 81, 82, 95]), 45);
}

#[test]
fn what_is_long_follows_from_the_way() {
    assert_eq!(AutoPrefetch::new(1).long_run(), LONG);
    assert_eq!(measured(1, MS, MS).0.long_run(), LONG);
    assert_eq!(measured(1, 200 * MS, MS).0.long_run(), 2 * LONG);
}

#[test]
fn a_few_short_ways_do_not_count() {
    let (mut auto, mut now) = measured(1, MS, 10 * MS);
    for way in [1, 1, 1, 1, 1, 1] {
        starved(&mut auto, &mut now, way * MS);
    }
    assert!(auto.extra() > 0);
    starved(&mut auto, &mut now, MS / 20);
    auto.ran(now, 10 * MS);
    assert!(auto.extra() > 0);
}

#[test]
fn a_long_run_counts_though_the_worker_waited_for_a_consumer() {
    let (mut auto, mut now) = measured(1, MS, MS);
    let began = now;
    now += 2 * LONG;
    auto.consumes(now);
    assert!(auto.runs_are_short());
    for _ in 0..RUNS {
        auto.ran(began, MS);
    }
    assert!(auto.runs_are_short());
    for _ in 0..RUNS {
        auto.ran(began, 2 * LONG);
    }
    assert!(!auto.runs_are_short());
}
