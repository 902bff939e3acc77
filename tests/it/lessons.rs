//! What the tutorial teaches, lesson by lesson. The numbers are those of README's table.

use crate::env::{self, Admin, Broker, Ended, Gate, Kind, Running, Version};
use serde_json::Value;
use std::collections::BTreeMap;

/// Sends one task for each body, one after the other.
fn send(broker: &Broker, queue: &str, bodies: &[&str]) {
    for body in bodies {
        env::new_task(broker, queue, &[body]).expect(0);
    }
}

/// Waits until `count` tasks are done, looking at both workers in turn, and ends them.
fn finish(admin: &Admin, workers: Vec<Running>, expected: usize) -> Vec<Ended> {
    admin.wait_for_ready(0);
    let ended: Vec<Ended> = workers.into_iter().map(Running::stopped).collect();
    let done: usize = ended.iter().map(|worker| worker.events("done").len()).sum();
    assert_eq!(done, expected, "{}\n{}", ended[0], ended[1]);
    ended
}

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

#[test]
fn lesson_5_a_killed_workers_task_goes_to_the_other() {
    let broker = env::shared();
    let admin = Admin::new(broker, "killed");
    let mut doomed = env::worker(broker, &admin.queue, &["--dot", "60s"]);
    send(broker, &admin.queue, &["precious."]);
    assert_eq!(doomed.event("received")["redelivered"], false);
    let mut other = env::worker(broker, &admin.queue, &["--dot", "50ms"]);
    doomed.kill();
    assert_eq!(other.event("received")["redelivered"], true);
    assert_eq!(other.event("done")["body"], "precious.");
    other.stopped().expect(0);
    assert_eq!(admin.ready(), 0);
}

#[test]
fn lesson_6_ack_auto_loses_the_tasks_of_a_killed_worker() {
    let broker = env::shared();
    let admin = Admin::new(broker, "ack-auto");
    send(broker, &admin.queue, &["1.", "2.", "3."]);
    let mut doomed = env::worker(broker, &admin.queue, &["--ack", "auto", "--dot", "60s"]);
    doomed.message("its tasks are lost");
    doomed.event("received");
    admin.wait_for_ready(0);
    doomed.kill();
    let other = env::worker(broker, &admin.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    assert!(
        other.events("received").is_empty(),
        "that is the lesson: they are gone\n{other}"
    );
}

#[test]
fn lesson_6_ack_never_piles_tasks_up_and_all_come_back() {
    let broker = env::shared();
    let admin = Admin::new(broker, "ack-never");
    send(broker, &admin.queue, &["1", "2", "3"]);
    let mut worker = env::worker(broker, &admin.queue, &["--ack", "never"]);
    worker.message("come back");
    worker.event_of("done", "3");
    let listed = broker.ctl(&[
        "-q",
        "list_queues",
        "name",
        "messages_ready",
        "messages_unacknowledged",
    ]);
    let row = listed
        .lines()
        .find(|line| line.starts_with(&admin.queue))
        .unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[1..], ["0", "3"]);
    worker.stopped().expect(0);
    admin.wait_for_ready(3);
    let again = env::worker(broker, &admin.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    let redelivered = again
        .events("received")
        .iter()
        .all(|event| event["redelivered"] == true);
    assert!(redelivered, "{again}");
    assert_eq!(again.bodies("done"), ["1", "2", "3"]);
}

// Lesson 7 (Ctrl+C) is in `stopping`, lesson 8 (the broker's death) in `recovery`.

#[test]
fn lesson_9_a_queue_with_other_properties_is_refused() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "priorities", Kind::Priorities(5));
    refuse_both(broker, &admin, "has priorities up to 5");
}

#[test]
fn lesson_9_a_queue_that_is_not_durable_is_refused() {
    let broker = env::shared();
    let version = broker.version();
    match Admin::try_queue(broker, "not-durable", Kind::NotDurable) {
        Ok(admin) => refuse_both(broker, &admin, "is not durable"),
        Err(error) => {
            assert!(version >= Version(4, 3, 0), "{version}: {error}");
            let why = format!("the broker itself refuses queues that are not durable: {error}");
            env::left_out(version, &why);
        }
    }
}

/// Neither command uses the queue, and both say why.
fn refuse_both(broker: &Broker, admin: &Admin, why: &str) {
    let sent = env::new_task(broker, &admin.queue, &["x"]).expect(73);
    let sent = sent.says(why).says("406 PRECONDITION_FAILED");
    assert_eq!(sent.stdout, "");
    let mut command = env::command("worker");
    command.args(["-u", &broker.url, "-q", &admin.queue]);
    env::spawn(command).ended().expect(73).says(why);
    assert_eq!(admin.ready(), 0);
}

#[test]
fn lesson_10_a_late_worker_gets_what_the_others_were_not_handed() {
    for (prefetch, expected) in [("0", 0), ("1", 1)] {
        let broker = env::shared();
        let admin = Admin::new(broker, "late");
        send(broker, &admin.queue, &["1.", "2."]);
        let mut early = env::worker(
            broker,
            &admin.queue,
            &["--prefetch", prefetch, "--dot", "60s"],
        );
        early.event("received");
        env::wait_for("handed out", || (admin.ready() == expected).then_some(()));
        // Time passes for nothing where it gets nothing.
        let late = if expected == 0 {
            env::worker(broker, &admin.queue, &["--idle-timeout", "300ms"]).ended()
        } else {
            env::worker(broker, &admin.queue, &["--max-tasks", "1"]).ended()
        };
        assert_eq!(late.expect(0).events("done").len(), expected as usize);
    }
}

#[test]
fn lesson_11_a_backlog_can_be_watched() {
    let broker = env::shared();
    let admin = Admin::new(broker, "status");
    send(broker, &admin.queue, &["1", "2"]);
    let status = |format: &str| {
        let mut command = env::command("worker");
        command.args([
            "-u",
            &broker.url,
            "-q",
            &admin.queue,
            "--status",
            "--log-format",
            format,
        ]);
        env::spawn(command).ended().expect(0)
    };
    let expected = format!(
        "queue {}: ready 2, consumers 0, delayed 0, dead 0\n",
        admin.queue
    );
    assert_eq!(status("text").stdout, expected);
    let _worker = env::worker(broker, &admin.queue, &["--max-tasks", "9"]);
    admin.wait_for_ready(0);
    let event = &status("json").events("status")[0];
    assert_eq!(event["consumers"], 1);
    assert_eq!(event["ready"], 0);
}
