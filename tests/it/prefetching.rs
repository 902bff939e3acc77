//! What a worker with a command takes ahead of short tasks, by default.

use crate::env::{self, Admin, Broker, Gate, Kind, LongWay, Running};
use std::thread;
use std::time::{Duration, Instant};

/// Tasks that take a millisecond or two are short beside such a way, on a busy machine as well.
const EACH_WAY: Duration = Duration::from_millis(20);
const TASKS: usize = 300;
/// Where a long task stands.
const LONG: usize = 150;

/// A queue with `count` tasks: numbers.
fn filled(broker: &Broker, kind: Kind, count: usize) -> Admin {
    let admin = Admin::with_queue(broker, "ahead", kind);
    let bodies: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    admin.publish(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    admin
}

/// A worker far from the broker, whose command waits for a gate where a task is the `long` one.
fn worker(broker: &Broker, admin: &Admin, options: &[&str], long: usize, gate: &Gate) -> Running {
    let way = LongWay::to(broker, EACH_WAY);
    let mut command = env::command("worker");
    command.args(["-u", &way.url, "-q", &admin.queue, "--log-format", "json"]);
    let path = gate.path();
    let script = format!("test $0 != {long} || until [ -e {path} ]; do sleep 0.02; done");
    command
        .args(options)
        .args(["--", "sh", "-c", &script, "{}"]);
    env::spawn(command)
}

/// A worker that runs the long task and has taken others ahead, and since when.
fn blocked(broker: &Broker, kind: Kind) -> (Admin, Running, Gate, Instant) {
    for _ in 0..5 {
        let (admin, gate) = (filled(broker, kind, TASKS), Gate::new());
        let mut worker = worker(broker, &admin, &[], LONG, &gate);
        worker.event_of("received", &LONG.to_string());
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(700) {
            if admin.ready() < behind(3) {
                return (admin, worker, gate, began);
            }
        }
        // It was about to take fewer ahead, and takes none until the long task ends.
    }
    panic!("none was taken ahead");
}

/// How many tasks are not with the worker that runs the long one, if it has taken none ahead.
fn behind(worker_has: usize) -> u32 {
    u32::try_from(TASKS - LONG - worker_has).unwrap()
}

fn bodies(worker: &mut Running, name: &str, count: usize) -> Vec<usize> {
    let body = |_| {
        worker.event(name)["body"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    };
    (0..count).map(body).collect()
}

#[test]
fn short_tasks_are_taken_ahead_and_a_worker_alone_keeps_their_order() {
    let (_admin, mut worker, _gate) = kept(Kind::Plain);
    let after = bodies(&mut worker, "done", TASKS - LONG);
    assert!(after.iter().copied().eq(LONG..TASKS), "{after:?}");
}

/// There the broker counts consumers that this worker has cancelled, too. It also takes back what it was about
/// to deliver to one of them (rabbitmq-server#3746), so that a few tasks may come behind later ones.
#[test]
fn a_worker_alone_on_a_quorum_queue_keeps_what_it_has_taken_ahead() {
    let (admin, mut worker, _gate) = kept(Kind::Quorum);
    assert_eq!(bodies(&mut worker, "done", 1), [LONG]);
    admin.wait_for_unsettled(env::shared(), 0);
}

/// A worker alone, which may now end the long task.
fn kept(kind: Kind) -> (Admin, Running, Gate) {
    let broker = env::shared();
    let (admin, worker, gate, began) = blocked(broker, kind);
    // Longer than a task may take before what waits behind it goes to others.
    thread::sleep(Duration::from_secs(2).saturating_sub(began.elapsed()));
    assert!(admin.ready() < behind(3), "nothing was given back");
    gate.open();
    (admin, worker, gate)
}

#[test]
fn what_waits_behind_a_long_task_goes_to_a_worker_that_comes_later() {
    let broker = env::shared();
    let (admin, mut busy, gate, _) = blocked(broker, Kind::Plain);
    let mut late = worker(broker, &admin, &[], LONG, &gate);
    let mut theirs = bodies(&mut late, "done", TASKS - LONG - 1);
    theirs.sort_unstable();
    assert!(theirs.into_iter().eq(LONG + 1..TASKS));
    gate.open();
    busy.event_of("done", &LONG.to_string());
}

/// There another consumer has its turn when the one before it is gone, so that tasks are done in order.
#[test]
fn a_single_active_consumer_is_not_replaced() {
    const FEW: usize = 40;
    let broker = env::shared();
    let (admin, gate) = (filled(broker, Kind::OneActive, FEW), Gate::new());
    let options = [
        "--no-declare",
        "--on-failure",
        "drop",
        "--max-redeliveries",
        "0",
    ];
    let mut active = worker(broker, &admin, &options, 0, &gate);
    active.event_of("received", "0");
    let _other = worker(broker, &admin, &options, 0, &gate);
    admin.wait_for_consumers(2);
    gate.open();
    let done = bodies(&mut active, "done", FEW);
    assert!(done.iter().copied().eq(0..FEW), "{done:?}");
}
