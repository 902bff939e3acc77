//! Lost connections, restarted and frozen brokers.

use crate::env::{self, Admin, Broker, Gate, Proxy, Scratch, Version, left_out};
use std::io::Write as _;
use std::time::{Duration, Instant};

#[test]
fn lesson_8_the_brokers_death_loses_nothing() {
    let broker = Broker::private("", "");
    let queue = env::unique("death");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("true"));
    for number in 1..=5 {
        env::new_task(&broker, &queue, &[&number.to_string()]).expect(0);
    }
    worker.event_of("received", "1");
    broker.script("kill");
    worker.event("disconnected");
    // A producer that comes while there is no broker waits for it.
    let mut command = env::command("new_task");
    command.args(["-u", &broker.url, "-q", &queue, "--retry-for", "1m", "6"]);
    let mut producer = env::spawn(command);
    producer.message("retrying");
    // The running task goes on meanwhile.
    gate.open();
    worker.event_of("done", "1");
    worker.message("cannot be acknowledged");
    broker.script("start");
    producer.ended().expect(0);
    worker.event("reconnected");
    // Done once, and acknowledged when it came back.
    assert_eq!(worker.event("skipped")["body"], "1");
    let mut bodies: Vec<String> = (0..5)
        .map(|_| worker.event("done")["body"].as_str().unwrap().to_owned())
        .collect();
    // A broker that was killed may mark any task as redelivered, which costs it its place.
    bodies.sort();
    assert_eq!(bodies, ["2", "3", "4", "5", "6"]);
    worker.stopped().expect(0);
    Admin::new(&broker, "x").expect_empty(&queue);
}

#[test]
fn a_quorum_queue_that_a_sender_makes_survives_the_brokers_death() {
    let broker = Broker::private("", "");
    let queues = ["one", "many"].map(env::unique);
    let file = Scratch::file("list", "x\n");
    let inputs: [&[&str]; 2] = [&["x"], &["-f", file.as_str()]];
    for (queue, input) in queues.iter().zip(inputs) {
        let arguments = [&["--queue-type", "quorum"], input].concat();
        env::new_task(&broker, queue, &arguments).expect(0);
    }
    // One that is made once more, since it was deleted meanwhile.
    let admin = Admin::new(&broker, "again");
    let arguments = ["--queue-type", "quorum", "-f", "-"];
    let mut sending = env::piped(&broker, &admin.queue, &arguments);
    let mut stdin = sending.stdin();
    stdin.write_all(b"gone\n").unwrap();
    admin.wait_for_ready(1);
    admin.delete();
    stdin.write_all(b"x\n").unwrap();
    drop(stdin);
    sending.ended().expect(0);
    // The broker dies with the last one young, if the sender lets it.
    broker.script("kill");
    broker.script("start");
    for queue in queues.iter().chain([&admin.queue]) {
        let mut worker = env::worker(&broker, queue, &["--dot", "0s"]);
        // A queue that is deleted while it is young may lose what it confirmed,
        // so the sender is free to send the first task again.
        while worker.event("done")["body"] != "x" {}
        worker.stopped().expect(0);
    }
}

#[test]
fn a_frozen_broker_is_given_up_and_used_again() {
    let broker = Broker::private("", "");
    let queue = env::unique("frozen");
    let options = ["--heartbeat", "1s", "--connect-timeout", "500ms"];
    let mut worker = env::worker(&broker, &queue, &options);
    broker.script("freeze");
    let mut command = env::command("new_task");
    command.args([
        "-u",
        &broker.url,
        "-q",
        &queue,
        "--heartbeat",
        "1s",
        "--retry-for",
        "1s",
        "--connect-timeout",
        "500ms",
        "x",
    ]);
    env::spawn(command)
        .ended()
        .expect(69)
        .says("no answer within 500ms");
    let reason = worker.event("disconnected")["reason"].to_string();
    assert!(
        reason.contains("sent nothing for two heartbeats"),
        "{reason}"
    );
    broker.script("thaw");
    worker.event("reconnected");
    worker.message("note: connected again after ");
    env::new_task(&broker, &queue, &["x"]).expect(0);
    worker.event("done");
    worker.stopped().expect(0);
}

#[test]
fn a_broker_that_is_low_on_memory_is_waited_for() {
    let broker = Broker::private("", "");
    let queue = env::unique("alarm");
    let watermark = |fraction| broker.ctl(&["-q", "set_vm_memory_high_watermark", fraction]);
    env::new_task(&broker, &queue, &["before"]).expect(0);
    watermark("0.00001");
    let blocked = env::new_task(&broker, &queue, &["--confirm-timeout", "2s", "x"]).expect(75);
    blocked.says("low on memory").says("did not confirm");
    let mut command = env::command("new_task");
    command.args(["-u", &broker.url, "-q", &queue, "patient"]);
    let mut patient = env::spawn(command);
    patient.message("accepts no tasks for now (low on memory)");
    watermark("0.4");
    patient.ended().expect(0);
}

#[test]
fn a_task_goes_on_when_the_broker_stops_waiting_for_its_acknowledgement() {
    let broker = Broker::private(
        "consumer_timeout = 1500\n",
        "[{rabbit, [{channel_tick_interval, 500}]}].\n",
    );
    let admin = Admin::new(&broker, "ack-timeout");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &admin.queue, &[], &gate.before("true"));
    env::new_task(&broker, &admin.queue, &["long"]).expect(0);
    let version = broker.version();
    if version < Version(4, 3, 0) {
        worker.message("consumer_timeout");
        worker.event("reconnected");
    } else {
        let why = "it waits for classic queues' tasks for ever; for quorum queues see queue_types";
        left_out(version, why);
        worker.event("received");
    }
    gate.open();
    worker.event("done");
    // The acknowledgement may have missed its connection. Then it goes out with the next one.
    admin.wait_for_unsettled(&broker, 0);
    let ended = worker.stopped().expect(0);
    assert_eq!(ended.bodies("received"), ["long"]);
}

#[test]
fn closed_connections_are_opened_again() {
    let broker = Broker::private("", "");
    let queue = env::unique("closed");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("true"));
    env::new_task(&broker, &queue, &["1"]).expect(0);
    worker.event("received");
    broker.ctl(&["-q", "close_all_connections", "--global", "maintenance"]);
    let reason = worker.event("disconnected")["reason"].to_string();
    assert!(reason.contains("maintenance"), "{reason}");
    worker.event("reconnected");
    gate.open();
    assert_eq!(worker.event("done")["body"], "1");
    env::new_task(&broker, &queue, &["2"]).expect(0);
    let received = worker.event("received");
    assert_eq!(received["body"], "2", "the first task was not done again");
    worker.stopped().expect(0);
    Admin::new(&broker, "x").expect_empty(&queue);
}

#[test]
fn a_deleted_queue_is_declared_again() {
    let broker = env::shared();
    let admin = Admin::new(broker, "deleted");
    let mut worker = env::worker(broker, &admin.queue, &[]);
    admin.delete();
    worker.message("was deleted");
    worker.event("reconnected");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    worker.event("done");
    worker.stopped().expect(0);
}

#[test]
fn a_deleted_queue_that_may_not_be_declared_ends_the_worker() {
    let broker = env::shared();
    let admin = Admin::new(broker, "deleted");
    admin.declare();
    let mut worker = env::worker(broker, &admin.queue, &["--no-declare"]);
    admin.delete();
    worker.message("was deleted");
    worker.ended().expect(73).says("no queue");
}

#[test]
fn the_nodes_of_a_cluster_are_tried_in_turn() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nodes");
    let urls = format!("amqp://localhost:1,{}", broker.url);
    let mut command = env::command("new_task");
    command.args(["-u", &urls, "-q", &admin.queue, "x"]);
    let sent = env::spawn(command).ended().expect(0);
    assert_eq!(sent.stderr, "");
}

#[test]
fn a_worker_goes_to_another_node_when_it_has_lost_its_own() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nodes");
    let nodes = [Proxy::start(&broker.url), Proxy::start(&broker.url)];
    let mut worker = env::command("worker");
    let urls = nodes.each_ref().map(|node| node.url.as_str()).join(",");
    worker.args(["-u", &urls, "-q", &admin.queue, "--log-format", "json"]);
    worker.args(["--backoff", "1h", "--backoff-max", "1h", "--", "false"]);
    let mut worker = env::spawn(worker);
    worker.event("waiting");
    env::new_task(broker, &admin.queue, &["1"]).expect(0);
    worker.event("retried");
    // Tasks come over the first connection, retries go out over the second.
    assert_eq!(nodes.each_ref().map(Proxy::connections), [2, 0]);
    nodes[0].cut();
    let node = worker.event("reconnected")["broker"].to_string();
    assert!(urls.ends_with(node.trim_matches('"')), "{node} of {urls}");
    env::new_task(broker, &admin.queue, &["2"]).expect(0);
    worker.event("retried");
    assert_eq!(nodes.each_ref().map(Proxy::connections), [2, 2]);
    worker.stopped().expect(0);
    admin.delete_queue(&format!("{}.delay.3600000", admin.queue));
}

#[test]
fn a_broker_that_stays_away_ends_the_worker_when_the_time_is_up() {
    let mut command = env::command("worker");
    command.args(["-u", "amqp://localhost:1", "--retry-for", "300ms"]);
    let begun = Instant::now();
    env::spawn(command)
        .ended()
        .expect(69)
        .says("connection refused");
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_worker_that_waits_for_the_broker_can_be_stopped() {
    let mut command = env::command("worker");
    command.args(["-u", "amqp://localhost:1"]);
    let mut worker = env::spawn(command);
    worker.message("retrying until the broker answers");
    worker.stopped().expect(0);
}
