//! Who gets which task.

use super::{finish, send};
use crate::env::{self, Admin, Gate, Running};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn lesson_1_a_task_of_three_dots_takes_three_seconds() {
    let broker = env::shared();
    let admin = Admin::new(broker, "dots");
    send(
        broker,
        &admin.queue,
        &["A harder task....", "A very hard task..."],
    );
    let mut worker = env::worker(broker, &admin.queue, &["-j", "2"]);
    // Both begin together, and what has one dot less is done first.
    let done = worker.event("done");
    assert_eq!(done["body"], "A very hard task...");
    assert!(done["duration_ms"].as_u64().unwrap() >= 3000, "{done}");
    let done = worker.event("done");
    assert!(done["duration_ms"].as_u64().unwrap() >= 4000, "{done}");
    worker.stopped().expect(0);
}

#[test]
fn the_lines_are_the_tutorials_own() {
    let broker = env::shared();
    let admin = Admin::new(broker, "lines");
    let sent = env::new_task(broker, &admin.queue, &["First", "task."]).expect(0);
    assert_eq!(sent.stdout, " [x] Sent First task.\n");
    let sent = env::new_task(broker, &admin.queue, &[]).expect(0);
    assert_eq!(sent.stdout, " [x] Sent Hello World!\n");
    let run = |arguments: &[&str]| {
        let mut command = env::command("worker");
        command.args(["-u", &broker.url, "-q", &admin.queue, "--dot", "10ms"]);
        env::spawn({
            command.args(arguments).arg("--exit-when-empty");
            command
        })
        .ended()
        .expect(0)
    };
    assert_eq!(
        run(&[]).stdout,
        " [*] Waiting for messages. To exit press CTRL+C\n \
         [x] Received First task.\n [x] Done\n \
         [x] Received Hello World!\n [x] Done\n"
    );
    env::new_task(broker, &admin.queue, &["Named."]).expect(0);
    assert!(
        run(&["-j", "2"])
            .stdout
            .ends_with(" [x] Received Named.\n [x] Done Named.\n")
    );
}

#[test]
fn lesson_2_round_robin_alternates_exactly() {
    let broker = env::shared();
    let admin = Admin::new(broker, "round-robin");
    let options = ["--prefetch", "0", "--dot", "20ms"];
    let first = env::worker(broker, &admin.queue, &options);
    let second = env::worker(broker, &admin.queue, &options);
    let bodies: Vec<String> = (1..=10).map(|number| format!("{number}.")).collect();
    for body in &bodies {
        send(broker, &admin.queue, &[body]);
    }
    let mut workers = [first, second];
    let last: Vec<Value> = [9, 10]
        .iter()
        .zip(&mut workers)
        .map(|(number, worker)| worker.event_of("done", &format!("{number}.")))
        .collect();
    assert_eq!(last.len(), 2);
    let ended = finish(&admin, workers.into(), 10);
    let odd: Vec<String> = bodies.iter().step_by(2).cloned().collect();
    let even: Vec<String> = bodies.iter().skip(1).step_by(2).cloned().collect();
    assert_eq!(ended[0].bodies("received"), odd);
    assert_eq!(ended[1].bodies("received"), even);
}

/// Two workers whose tasks end when the test says so.
struct Dispatch {
    admin: Admin,
    workers: [Running; 2],
    gates: BTreeMap<u32, Gate>,
}

impl Dispatch {
    /// Both workers wait, then come eight tasks.
    fn new(prefetch: &str) -> Self {
        let broker = env::shared();
        let admin = Admin::new(broker, "dispatch");
        let gates: BTreeMap<u32, Gate> = (1..=8).map(|task| (task, Gate::new())).collect();
        let cases = gates
            .iter()
            .map(|(task, gate)| format!("{task}) gate='{}' ;; ", gate.path()));
        let cases: String = cases.collect();
        let script =
            format!("case $0 in {cases} esac; until [ -e \"$gate\" ]; do sleep 0.02; done");
        let words = ["sh", "-c", &script, "{}"].map(str::to_owned);
        let options = ["--prefetch", prefetch];
        let workers = [(); 2].map(|()| env::worker_with(broker, &admin.queue, &options, &words));
        let bodies: Vec<String> = gates.keys().map(u32::to_string).collect();
        admin.publish(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
        Self {
            admin,
            workers,
            gates,
        }
    }

    /// Waits until this worker has begun this task, and no other one before it.
    fn begins(&mut self, worker: usize, task: u32) {
        let received = self.workers[worker].event("received");
        assert_eq!(received["body"], task.to_string(), "worker {worker}");
    }

    /// Ends a task of this worker's.
    fn end(&mut self, worker: usize, task: u32) {
        self.gates[&task].open();
        let done = self.workers[worker].event("done");
        assert_eq!(done["body"], task.to_string(), "worker {worker}");
    }
}

#[test]
fn lesson_3_round_robin_keeps_one_worker_busy_and_the_other_idle() {
    let mut dispatch = Dispatch::new("0");
    dispatch.begins(0, 1);
    for light in [2, 4, 6, 8] {
        dispatch.begins(1, light);
        dispatch.end(1, light);
    }
    // The second worker has done all that it will ever get, and nothing waits in the queue: three
    // tasks lie with the first one, which has not even done its first.
    dispatch.admin.wait_for_ready(0);
    dispatch.admin.wait_for_unsettled(env::shared(), 4);
    for heavy in [1, 3, 5, 7] {
        dispatch.end(0, heavy);
        if heavy < 7 {
            dispatch.begins(0, heavy + 2);
        }
    }
    let ended = finish(&dispatch.admin, dispatch.workers.into(), 8);
    assert_eq!(ended[1].bodies("received"), ["2", "4", "6", "8"]);
}

#[test]
fn lesson_4_fair_dispatch_is_as_good_as_ideal_assignment() {
    let mut dispatch = Dispatch::new("1");
    dispatch.begins(0, 1);
    dispatch.begins(1, 2);
    // In what order tasks end if odd ones take four times as long as even ones and each next task
    // goes to the worker that is free first.
    let order = [
        (1, 2),
        (0, 1),
        (0, 4),
        (1, 3),
        (1, 6),
        (0, 5),
        (0, 8),
        (1, 7),
    ];
    for (next, (worker, task)) in (3..).zip(order) {
        dispatch.end(worker, task);
        if next <= 8 {
            dispatch.begins(worker, next);
        }
    }
    finish(&dispatch.admin, dispatch.workers.into(), 8);
}
