//! Where RabbitMQ's series differ: priorities and counts of quorum queues, and what delays returned
//! tasks.

use crate::env::{self, Admin, Broker, Gate, Kind, Version};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// A policy for one queue, which goes with it.
struct Policy<'a> {
    broker: &'a Broker,
    queue: &'a str,
}

impl<'a> Policy<'a> {
    /// Sets it, and waits until the queue obeys. `definition` is JSON.
    fn set(broker: &'a Broker, queue: &'a str, definition: &str) -> Self {
        let pattern = format!("^{queue}$");
        let command = ["set_policy", "--apply-to", "queues", queue, &pattern];
        broker.ctl(&[&command[..], &[definition]].concat());
        env::wait_for("the policy to hold", || {
            let listed = broker.ctl(&["-q", "list_queues", "name", "policy"]);
            let row = format!("{queue}\t{queue}");
            listed.lines().any(|line| line == row).then_some(())
        });
        Self { broker, queue }
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        self.broker.ctl(&["clear_policy", self.queue]);
    }
}

#[test]
fn priorities_of_quorum_queues() {
    let broker = env::shared();
    let version = broker.version();
    let admin = Admin::with_queue(broker, "ranks", Kind::Quorum);
    for priority in ["none", "1", "5", "9", "4", "31", "200"] {
        let stated = ["--priority", priority, priority];
        let words = if priority == "none" {
            &stated[2..]
        } else {
            &stated[..]
        };
        env::new_task(broker, &admin.queue, words).expect(0);
    }
    let options = ["--dot", "0s", "--exit-when-empty"];
    let done = env::worker(broker, &admin.queue, &options).ended();
    let expected = if version < Version(4, 0, 0) {
        // None: tasks come as they were sent.
        ["none", "1", "5", "9", "4", "31", "200"]
    } else if version < Version(4, 3, 0) {
        // Two: those above 4 are high, and two of them come for each of the others.
        ["5", "9", "none", "31", "200", "1", "4"]
    } else {
        // 32: a task without one has 4, so 1 is less than none; what is above 31 counts as 31.
        ["31", "200", "9", "5", "none", "4", "1"]
    };
    assert_eq!(done.expect(0).bodies("done"), expected, "{version}");
}

/// How another client gives a task back.
#[derive(Clone, Copy)]
enum GiveBack {
    Nack,
    Reject,
}

/// How many returns a worker counts after another client gave the task back three times.
fn counted(broker: &Broker, kind: Kind, way: GiveBack) -> String {
    let admin = Admin::with_queue(broker, "counts", kind);
    admin.publish(&["x"]);
    for _ in 0..3 {
        match way {
            GiveBack::Nack => admin.nack(),
            GiveBack::Reject => admin.reject(),
        }
    }
    // One return is too many, so the worker says at once how many there are.
    let words = ["--max-redeliveries", "1", "--exit-when-empty", "--", "true"];
    let worker = env::worker(broker, &admin.queue, &words).ended().expect(0);
    let error = worker.events("dead_lettered")[0]["error"].to_string();
    let (_, counted) = error.split_once("was returned ").unwrap();
    counted.split(' ').next().unwrap().to_owned()
}

#[test]
fn what_counts_as_a_return() {
    let broker = env::shared();
    // A classic queue marks a task as returned, however often that was.
    assert_eq!(counted(broker, Kind::Plain, GiveBack::Nack), "1");
    assert_eq!(counted(broker, Kind::Plain, GiveBack::Reject), "1");
    // A quorum queue counts. From 4.3 on it does not count what was given back by `basic.nack`.
    assert_eq!(counted(broker, Kind::Quorum, GiveBack::Reject), "3");
    let nacked = if broker.version() < Version(4, 3, 0) {
        "3"
    } else {
        "1"
    };
    assert_eq!(counted(broker, Kind::Quorum, GiveBack::Nack), nacked);
}

/// Beyond its limit a quorum queue discards a task, by default from RabbitMQ 4.0 on. Our count is
/// kept by copies, which the queue takes for new tasks.
#[test]
fn the_queues_own_delivery_limit_discards_nothing() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "limit", Kind::Quorum);
    let _policy = Policy::set(broker, &admin.queue, r#"{"delivery-limit": 1}"#);
    admin.publish(&["poison"]);
    let script = "kill -9 $PPID; sleep 0.2";
    let options = ["--max-redeliveries", "4", "--exit-when-empty"];
    let words = [&options[..], &["--", "sh", "-c", script]].concat();
    for _ in 0..4 {
        let ended = env::worker(broker, &admin.queue, &words).ended();
        assert!(!ended.status.success(), "{ended}");
        admin.wait_for_ready(1);
    }
    let last = env::worker(broker, &admin.queue, &words).ended().expect(0);
    let error = last.events("dead_lettered")[0]["error"].to_string();
    assert!(error.contains("was returned 4 times"), "{error}");
    assert_eq!(admin.ready_in(&format!("{}.dead", admin.queue)), 1);
}

#[test]
fn a_policy_of_delayed_retry_holds_returned_tasks_back() {
    let broker = env::shared();
    let version = broker.version();
    if version < Version(4, 3, 0) {
        env::left_out(version, "there is no delayed retry before 4.3");
        return;
    }
    // The second one is for a machine that is too busy to look in time.
    let in_time = [4, 20].map(Duration::from_secs).into_iter();
    assert!({ in_time }.any(|held| drain_ends_while_a_task_is_held_back(broker, held)));
}

/// False if the task came back before there was a look at the queue without it.
fn drain_ends_while_a_task_is_held_back(broker: &Broker, held: Duration) -> bool {
    let admin = Admin::with_queue(broker, "held-back", Kind::Quorum);
    let (queue, milliseconds) = (admin.queue.as_str(), held.as_millis());
    let limits =
        format!(r#""delayed-retry-min": {milliseconds}, "delayed-retry-max": {milliseconds}"#);
    let definition = format!(r#"{{"delayed-retry-type": "all", {limits}}}"#);
    let _policy = Policy::set(broker, queue, &definition);
    admin.publish(&["x"]);
    let gate = Gate::new();
    let mut first = env::worker_with(broker, queue, &[], &gate.before("true"));
    first.event("received");

    // The second signal gives the task back. It is not ready then, so a drain ends without it.
    let returned = Instant::now();
    first.signal(Signal::TERM);
    first.event("draining");
    first.stopped().expect(130);
    gate.open();
    let drain = ["--exit-when-empty"];
    let drain = env::worker_with(broker, queue, &drain, &gate.before("true"));
    let drained = drain.ended().expect(0).bodies("done");
    if returned.elapsed() >= held {
        return false;
    }
    assert!(drained.is_empty(), "{drained:?}");

    // It comes when its time is over, counted like any other that came back.
    let one = ["--max-tasks", "1"];
    let mut second = env::worker_with(broker, queue, &one, &gate.before("true"));
    assert_eq!(second.event("received")["redelivered"], true);
    second.event("done");
    assert!(returned.elapsed() >= held);
    second.ended().expect(0);
    admin.expect_empty(queue);
    true
}
