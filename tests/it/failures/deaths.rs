//! Workers that die.

use super::list;
use crate::env::{self, Admin, Broker, Gate, Kind, Proxy, command, spawn};

/// A task that kills its worker, again and again, until it is found out.
#[test]
fn a_task_that_kills_its_worker_becomes_a_dead_letter() {
    // With two slots the broker hands out the counted copy before the original is acknowledged.
    for (kind, slots, bodies, waiting) in [
        (Kind::Plain, "1", &["poison", "good"][..], 2),
        (Kind::Quorum, "1", &["poison", "good"], 2),
        (Kind::Plain, "2", &["poison"], 1),
    ] {
        let broker = env::shared();
        let admin = Admin::with_queue(broker, "poison", kind);
        admin.publish(bodies);
        let script = "test $(cat) != poison || { kill -9 $PPID; sleep 0.2; }";
        let mut deaths = 0;
        let last = loop {
            let options = ["-j", slots, "--max-redeliveries", "3", "--exit-when-empty"];
            let words = [&options[..], &["--", "sh", "-c", script]].concat();
            let ended = env::worker(broker, &admin.queue, &words).ended();
            if ended.status.success() {
                break ended;
            }
            deaths += 1;
            assert!(deaths <= 3, "it circles\n{ended}");
            // Until the broker has noticed the death the queue is empty for the next worker. The
            // other task, if any, is done by the second one.
            admin.wait_for_ready(if deaths == 1 { waiting } else { 1 });
        };
        assert_eq!(deaths, 3);
        let dead = &last.events("dead_lettered")[0];
        assert!(
            dead["error"]
                .as_str()
                .unwrap()
                .contains("was returned 3 times"),
            "{dead}"
        );
        assert_eq!(list(broker, &admin.queue).len(), 1);
        assert_eq!(admin.ready(), 0);
    }
}

/// Killed after the retry was confirmed and before the original was acknowledged: both are there.
#[test]
fn a_worker_that_dies_between_confirm_and_ack_duplicates_and_does_not_lose() {
    let broker = env::shared();
    let admin = Admin::new(broker, "between");
    admin.declare();
    let proxy = Proxy::start(&broker.url);
    let mut worker = command("worker");
    worker.args(["-u", &proxy.url, "-q", &admin.queue, "--log-format", "json"]);
    worker.args(["--backoff", "1h", "--backoff-max", "1h", "--", "false"]);
    let mut worker = spawn(worker);
    worker.event("waiting");
    admin.publish(&["x"]);
    // The consumer's connection is the first: its acknowledgement will not arrive.
    proxy.hold(0);
    worker.event("retried");
    assert_eq!(proxy.connections(), 2);
    worker.kill();
    admin.wait_for_ready(1);
    let delayed = format!("{}.delay.3600000", admin.queue);
    assert_eq!(admin.ready_in(&delayed), 1);
    admin.delete_queue(&delayed);
}

/// Killed before the retry could be published: the original is there.
#[test]
fn a_worker_that_dies_before_the_retry_is_confirmed_loses_nothing() {
    let broker = Broker::private("", "");
    let queue = env::unique("before");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("false"));
    env::new_task(&broker, &queue, &["x"]).expect(0);
    worker.event("received");
    // From now on nothing can be published.
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.00001"]);
    gate.open();
    worker.event("failed");
    worker.kill();
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
    let admin = Admin::new(&broker, "x");
    env::wait_for("the task to be back", || {
        (admin.ready_in(&queue) == 1).then_some(())
    });
}

/// A task that came back is copied with its count raised; the copy is not the task that was done.
#[test]
fn a_copy_that_was_not_done_is_not_taken_for_done() {
    let broker = Broker::private("", "");
    let queue = env::unique("copy");
    let mut doomed = env::worker(&broker, &queue, &["--", "sleep", "60"]);
    env::new_task(&broker, &queue, &["A"]).expect(0);
    doomed.event("received");
    env::new_task(&broker, &queue, &["B"]).expect(0);
    doomed.kill();
    // A is handed out first, copied behind B, and B runs while the connection breaks.
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("true"));
    assert_eq!(worker.event("received")["body"], "B");
    broker.ctl(&["-q", "close_all_connections", "--global", "maintenance"]);
    worker.event("disconnected");
    gate.open();
    let mut done = vec![worker.event("done")["body"].clone()];
    done.push(worker.event_of("done", "A")["body"].clone());
    assert_eq!(done, ["B", "A"]);
    worker.stopped().expect(0);
    Admin::new(&broker, "x").expect_empty(&queue);
}
