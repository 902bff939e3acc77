//! What type a queue really has, and what follows from it.

use crate::env::{self, Admin, Broker, Kind, Version, left_out, unique};
use std::time::{Duration, Instant};

/// In short intervals, so that a time-out strikes within a second of its time.
const SHORT_TIMEOUT: &str = "[{rabbit,[{consumer_timeout,3000},{channel_tick_interval,500},\
                             {quorum_tick_interval,500}]}].";

/// Since when a vhost can have a default queue type.
const DEFAULT_TYPES: Version = Version(3, 11, 0);
/// Since when a quorum queue cancels the consumer of a task that is not acknowledged in time, and
/// the consumer can say what time that is.
const CONSUMER_TIMEOUTS: Version = Version(4, 3, 0);

/// Whether the broker's version is at least this one; if not the test says why it does not apply.
fn applies_since(broker: &Broker, since: Version, what: &str) -> bool {
    let found = broker.version();
    if found < since {
        left_out(found, &format!("{what} since {since}"));
    }
    found >= since
}

/// What `list_queues` says of the type of a queue in `vhost`.
fn type_of(broker: &Broker, vhost: &str, queue: &str) -> String {
    let listed = broker.ctl(&["-q", "list_queues", "-p", vhost, "name", "type"]);
    let mut rows = listed.lines().map(|line| line.split_whitespace());
    let row = rows.find_map(|mut row| (row.next() == Some(queue)).then(|| row.next()));
    row.flatten()
        .unwrap_or_else(|| panic!("no {queue} in\n{listed}"))
        .to_owned()
}

/// Has the broker cancel the consumers of `queue`, as when a time-out strikes or the queue moves.
fn cancel_consumers(broker: &Broker, queue: &str) {
    let script = format!(
        "[rabbit_channel:send_command(proplists:get_value(channel_pid, C), \
         {{'basic.cancel', proplists:get_value(consumer_tag, C), true}}) \
         || C <- rabbit_amqqueue:consumers_all(<<\"/\">>), \
         element(4, proplists:get_value(queue_name, C)) =:= <<\"{queue}\">>]."
    );
    broker.ctl(&["eval", &script]);
}

fn new_task(url: &str, queue: &str, arguments: &[&str]) -> env::Ended {
    let mut command = env::command("new_task");
    command.args(["-u", url, "-q", queue]).args(arguments);
    env::spawn(command).ended()
}

fn worker(url: &str, queue: &str, arguments: &[&str]) -> env::Running {
    let mut command = env::command("worker");
    command.args(["-u", url, "-q", queue, "--log-format", "json"]);
    command.args(arguments);
    env::spawn(command)
}

#[test]
fn dead_letters_outlive_fifty_listings_where_quorum_is_the_default_type() {
    let broker = env::shared();
    if !applies_since(broker, DEFAULT_TYPES, "default queue types") {
        return;
    }
    let vhost = unique("quorum-vhost");
    let url = broker.quorum_vhost(&vhost);
    new_task(&url, "q", &["sad"]).expect(0);
    let run = ["--retries", "0", "--exit-when-empty", "--", "false"];
    worker(&url, "q", &run).ended().expect(0);
    assert_eq!(type_of(broker, &vhost, "q.dead"), "quorum");
    for round in 1..=50 {
        // For a moment after each listing others miss what it has shown.
        env::wait_for(&format!("the letter in listing {round}"), || {
            let listed = worker(&url, "q", &["--list-dead"]).ended().expect(0);
            (listed.events("dead_letter").len() == 1).then_some(())
        });
    }
    broker.ctl(&["-q", "delete_vhost", &vhost]);
}

#[test]
fn the_dead_letters_of_a_classic_queue_are_classic_where_quorum_is_the_default_type() {
    let broker = env::shared();
    if !applies_since(broker, DEFAULT_TYPES, "default queue types") {
        return;
    }
    let vhost = unique("quorum-vhost");
    let url = broker.quorum_vhost(&vhost);
    new_task(&url, "q", &["--queue-type", "classic", "sad"]).expect(0);
    // The worker is not told.
    let run = ["--retries", "0", "--exit-when-empty", "--", "false"];
    worker(&url, "q", &run).ended().expect(0);
    assert_eq!(type_of(broker, &vhost, "q.dead"), "classic");
    broker.ctl(&["-q", "delete_vhost", &vhost]);
}

#[test]
fn new_quorum_queues_survive_the_brokers_death_though_nobody_asked_for_the_type() {
    let broker = Broker::private("", "");
    if !applies_since(&broker, DEFAULT_TYPES, "default queue types") {
        return;
    }
    let url = broker.quorum_vhost("young");
    // A vhost, too, takes a moment to reach the disk.
    new_task(&url, "settled", &["first"]).expect(0);
    let dies = || {
        broker.script("kill");
        broker.script("start");
    };

    new_task(&url, "fresh", &["task"]).expect(0);
    dies();
    let ended = worker(&url, "fresh", &["--dot", "1ms", "--max-tasks", "1"]).ended();
    assert_eq!(ended.expect(0).bodies("done"), ["task"]);

    new_task(&url, "settled", &["sad"]).expect(0);
    let mut failing = worker(&url, "settled", &["--retries", "0", "--", "false"]);
    failing.event_of("dead_lettered", "first");
    dies();
    failing.stopped();
    // A queue that has no leader yet shows nothing for a moment.
    env::wait_for("the dead letter", || {
        let listed = worker(&url, "settled", &["--list-dead"]).ended().expect(0);
        let letters = listed.events("dead_letter");
        letters
            .iter()
            .find(|letter| letter["body"] == "first")
            .map(drop)
    });
}

#[test]
fn a_long_task_runs_once_whatever_the_brokers_consumer_timeout() {
    let broker = Broker::private("", SHORT_TIMEOUT);
    if !applies_since(&broker, CONSUMER_TIMEOUTS, "consumers set their time-out") {
        return;
    }
    let admin = Admin::with_queue(&broker, "long", Kind::Quorum);
    env::new_task(&broker, &admin.queue, &["long"]).expect(0);
    let command = ["--", "sleep", "7"];
    let workers = [0, 1].map(|_| env::worker(&broker, &admin.queue, &command));
    admin.wait_for_ready(0);
    // With a --timeout of its own, which is what the broker is told.
    let other = Admin::with_queue(&broker, "long", Kind::Quorum);
    env::new_task(&broker, &other.queue, &["long"]).expect(0);
    let limited = env::worker(
        &broker,
        &other.queue,
        &["--timeout", "20s", "--max-tasks", "1", "--", "sleep", "7"],
    );
    let limited = limited.ended().expect(0);
    assert!(!limited.stderr.contains("cancelled"), "{limited}");
    admin.expect_empty(&admin.queue);
    env::wait_for("the task to be acknowledged", || {
        (admin.unsettled(&broker) == 0).then_some(())
    });
    let ended = workers.map(env::Running::stopped);
    let received = ended.iter().map(|ended| ended.events("received").len());
    assert_eq!(received.sum::<usize>(), 1);
    for ended in ended {
        let ended = ended.expect(0);
        assert!(!ended.stderr.contains("cancelled"), "{ended}");
    }
}

#[test]
fn a_queue_that_is_used_as_it_stands_needs_not_be_of_a_certain_type() {
    let broker = env::shared();
    for kind in [Kind::Plain, Kind::Quorum] {
        let admin = Admin::with_queue(broker, "stands", kind);
        admin.publish(&["1", "2"]);
        let run = ["--no-declare", "--dot", "1ms", "--exit-when-empty"];
        let mut command = env::command("worker");
        command.args([
            "-u",
            &broker.url,
            "-q",
            &admin.queue,
            "--log-format",
            "json",
        ]);
        command.args(run);
        let ended = env::spawn(command).ended().expect(0);
        assert_eq!(ended.bodies("done"), ["1", "2"]);
        assert!(!ended.stderr.contains("queue is"), "{ended}");
    }
}

#[test]
fn what_runs_is_acknowledged_after_the_consumer_was_cancelled() {
    let broker = env::shared();
    for kind in [Kind::Plain, Kind::Quorum] {
        let admin = Admin::with_queue(broker, "cancelled", kind);
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        std::fs::write(&gate, "").unwrap();
        let script = format!("while [ -e {} ]; do sleep 0.05; done", gate.display());
        let options = ["-j", "2", "--", "sh", "-c", &script];
        let mut worker = env::worker(broker, &admin.queue, &options);
        admin.publish(&["1", "2"]);
        worker.event_of("received", "1");
        worker.event_of("received", "2");
        cancel_consumers(broker, &admin.queue);
        worker.message("cancelled the consumer");
        std::fs::remove_file(&gate).unwrap();
        worker.event_of("done", "1");
        admin.publish(&["3"]);
        worker.event_of("done", "3");
        let ended = worker.stopped().expect(0);
        assert_eq!(ended.events("received").len(), 3);
        assert_eq!(ended.events("done").len(), 3);
        assert!(!ended.stderr.contains("cannot be acknowledged"), "{ended}");
        admin.expect_empty(&admin.queue);
    }
}

#[test]
fn only_the_first_use_of_a_delay_waits_for_its_queue() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "delay", Kind::Plain);
    let times = [1, 2, 3].map(|number| {
        let began = Instant::now();
        let body = number.to_string();
        env::new_task(broker, &admin.queue, &["--delay", "3s", &body]).expect(0);
        began.elapsed()
    });
    // The queue is sure to be on disk after two seconds.
    assert!(times[0] >= Duration::from_secs(2), "{times:?}");
    assert!(times[1].max(times[2]) < Duration::from_secs(2), "{times:?}");
    admin.wait_for_ready(3);
    // All have left it, and it is there.
    let count = |arguments: &[&str]| {
        let way = env::LongWay::to(broker, Duration::from_millis(20));
        let mut command = env::command("new_task");
        command
            .args(["-u", &way.url, "-q", &admin.queue])
            .args(arguments);
        env::spawn(command).ended().expect(0);
        way.round_trips()
    };
    let (at_once, delayed) = (count(&["4"]), count(&["--delay", "3s", "5"]));
    assert!(
        delayed <= at_once + 1,
        "{delayed} round trips, {at_once} without a delay"
    );
    admin.delete_queue(&format!("{}.delay.3000", admin.queue));
}

#[test]
fn a_priority_that_has_no_effect_is_told() {
    let broker = env::shared();
    let send = |admin: &Admin, arguments: &[&str]| {
        env::new_task(broker, &admin.queue, arguments)
            .expect(0)
            .stderr
    };
    let no_effect = "--priority has no effect";
    let plain = Admin::with_queue(broker, "priority", Kind::Plain);
    assert!(send(&plain, &["--priority", "5", "x"]).contains(no_effect));
    assert_eq!(send(&plain, &["x"]), "");
    let fresh = Admin::new(broker, "priority");
    let with = ["--max-priority", "5", "--priority", "5", "x"];
    assert!(!send(&fresh, &with).contains(no_effect));
    assert!(!send(&fresh, &with).contains(no_effect));
    let quorum = Admin::with_queue(broker, "priority", Kind::Quorum);
    let told = send(&quorum, &["--priority", "5", "x"]);
    assert_eq!(
        told.contains(no_effect),
        broker.version() < Version(4, 0, 0),
        "{told}"
    );
}
