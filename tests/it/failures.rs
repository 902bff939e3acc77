//! What becomes of tasks whose command fails, or kills its worker.

use crate::env::{self, Admin, Broker, Ended, Gate, Kind, Proxy, command, spawn};
use rustix::process::Signal;

/// Runs a worker with events as JSON until nothing is left to do.
fn run(broker: &Broker, queue: &str, options: &[&str], words: &[&str]) -> Ended {
    let mut all = options.to_vec();
    all.push("--exit-when-empty");
    all.push("--");
    all.extend(words);
    env::worker(broker, queue, &all).ended()
}

const QUICK: [&str; 4] = ["--backoff", "100ms", "--retries", "2"];

#[test]
fn a_task_is_tried_again_and_then_a_dead_letter_with_its_story() {
    for kind in [Kind::Plain, Kind::Quorum] {
        let broker = env::shared();
        let admin = Admin::with_queue(broker, "retries", kind);
        let dead = format!("{}.dead", admin.queue);
        env::new_task(
            broker,
            &admin.queue,
            &["-H", "colour=red", "--id", "j1", "x"],
        )
        .expect(0);
        let script = ["sh", "-c", "echo \"attempt $TASK_ATTEMPT\" >&2; exit 3"];
        let ended = run(broker, &admin.queue, &QUICK, &script).expect(0);
        let delays: Vec<_> = ended
            .events("retried")
            .iter()
            .map(|e| e["delay_ms"].clone())
            .collect();
        assert_eq!(delays, [100, 200], "{ended}");
        let attempts: Vec<_> = ended
            .events("failed")
            .iter()
            .map(|e| e["attempt"].clone())
            .collect();
        assert_eq!(attempts, [1, 2, 3]);
        // An expiry of the queue itself would take the tasks in it along.
        let listed = broker.ctl(&["-q", "list_queues", "name", "arguments"]);
        let delay = format!("{}.delay.100", admin.queue);
        let row = listed
            .lines()
            .find(|line| line.starts_with(&delay))
            .unwrap();
        assert!(
            row.contains("at-least-once") && !row.contains("x-expires"),
            "{row}"
        );
        assert_eq!(ended.events("failed")[0]["exit_code"], 3);
        assert_eq!(ended.events("dead_lettered").len(), 1);
        for event in ["retried", "dead_lettered"] {
            assert_eq!(ended.events(event)[0]["slot"], 1, "{ended}");
        }
        assert_eq!((admin.ready(), admin.ready_in(&dead)), (0, 1));

        let letter = &list(broker, &admin.queue)[0];
        assert_eq!(letter["id"], "j1");
        assert_eq!(letter["task_error"], "exit code 3");
        assert_eq!(letter["task_attempts"], "3");
        assert_eq!(letter["task_stderr"], "attempt 3\n");
        assert_eq!(letter["task_queue"], admin.queue.as_str());
        assert!(letter["task_host"].is_string() && letter["task_failed_at"].is_string());
        // Listing takes nothing away; the broker puts it back in a moment.
        env::wait_for("the dead letter to be back", || {
            (admin.ready_in(&dead) == 1).then_some(())
        });

        // Replayed, it begins anew, with its own headers.
        let other = replay(broker, &admin.queue, &["--id", "other"]);
        other.expect(1).says("no dead letter with the id `other`");
        env::wait_for("the dead letter to be back", || {
            (admin.ready_in(&dead) == 1).then_some(())
        });
        replay(broker, &admin.queue, &["--id", "j1"]).expect(0);
        assert_eq!((admin.ready(), admin.ready_in(&dead)), (1, 0));
        let script = [
            "sh",
            "-c",
            "test $TASK_HEADER_COLOUR = red && test $TASK_ATTEMPT = 1",
        ];
        let ended = run(broker, &admin.queue, &QUICK, &script).expect(0);
        assert_eq!(ended.events("done")[0]["attempt"], 1, "{ended}");
    }
}

fn list(broker: &Broker, queue: &str) -> Vec<serde_json::Value> {
    let mut list = command("worker");
    list.args([
        "-u",
        &broker.url,
        "-q",
        queue,
        "--list-dead",
        "--log-format",
        "json",
    ]);
    spawn(list).ended().expect(0).events("dead_letter")
}

fn replay(broker: &Broker, queue: &str, options: &[&str]) -> Ended {
    let mut replay = command("worker");
    replay
        .args(["-u", &broker.url, "-q", queue, "--replay-dead"])
        .args(options);
    spawn(replay).ended()
}

/// A queue that happens to have the name, and would never bring a task back.
#[test]
fn a_delay_queue_that_is_not_ours_is_not_used() {
    let broker = env::shared();
    let admin = Admin::new(broker, "foreign");
    let foreign = format!("{}.delay.100", admin.queue);
    admin.declare_named(&foreign);
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let ended = run(broker, &admin.queue, &QUICK, &["false"]).expect(0);
    assert_eq!(ended.events("failed").len(), 3, "{ended}");
    assert_eq!(admin.ready_in(&format!("{}.dead", admin.queue)), 1);
    assert_eq!(admin.ready_in(&foreign), 0);
    admin.delete_queue(&foreign);
}

#[test]
fn a_retry_succeeds() {
    let broker = env::shared();
    let admin = Admin::new(broker, "recovers");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let ended = run(
        broker,
        &admin.queue,
        &QUICK,
        &["sh", "-c", "test $TASK_ATTEMPT = 3"],
    )
    .expect(0);
    assert_eq!(ended.events("done")[0]["attempt"], 3);
    assert_eq!(ended.events("stopped")[0]["retried"], 2);
}

#[test]
fn other_ends_of_failures() {
    let broker = env::shared();
    for (options, events, dead) in [
        (&["--on-failure", "drop"][..], "dropped", 0),
        (&["--on-failure", "dead-letter"], "dead_lettered", 1),
        (
            &["--on-failure", "drop", "--fatal-exit", "9,5"],
            "dead_lettered",
            1,
        ),
        (&["--retries", "0"], "dead_lettered", 1),
    ] {
        let admin = Admin::new(broker, "ends");
        env::new_task(broker, &admin.queue, &["x"]).expect(0);
        let ended = run(broker, &admin.queue, options, &["sh", "-c", "exit 5"]).expect(0);
        assert_eq!(ended.events(events).len(), 1, "{options:?}\n{ended}");
        assert_eq!(
            admin.ready_in(&format!("{}.dead", admin.queue)),
            dead,
            "{options:?}"
        );
    }
}

#[test]
fn requeue_goes_to_the_end_of_the_queue() {
    let broker = env::shared();
    let admin = Admin::new(broker, "requeue");
    for body in ["first", "second"] {
        env::new_task(broker, &admin.queue, &[body]).expect(0);
    }
    let script = ["sh", "-c", "test $(cat) = second -o $TASK_ATTEMPT = 3"];
    let ended = run(broker, &admin.queue, &["--on-failure", "requeue"], &script).expect(0);
    assert_eq!(
        ended.bodies("received"),
        ["first", "second", "first", "first"]
    );
    assert_eq!(ended.bodies("done"), ["second", "first"]);
}

#[test]
fn dead_letters_go_where_the_user_says() {
    let broker = env::shared();
    let admin = Admin::new(broker, "elsewhere");
    let elsewhere = Admin::new(broker, "morgue");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let options = ["--retries", "0", "--dead-letter-queue", &elsewhere.queue];
    run(broker, &admin.queue, &options, &["false"]).expect(0);
    assert_eq!(elsewhere.ready(), 1);
}

#[test]
fn a_time_out_ends_the_whole_process_group() {
    let broker = env::shared();
    let admin = Admin::new(broker, "timeout");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    // The shell and its grandchild ignore TERM, so that only KILL ends them.
    let script = "trap '' TERM; sleep 4242 & echo $! > \"$0\"; wait; sleep 4242";
    let file = std::env::temp_dir().join(env::unique("pid"));
    let options = [
        "--timeout",
        "200ms",
        "--kill-after",
        "200ms",
        "--on-failure",
        "drop",
    ];
    let words = ["sh", "-c", script, file.to_str().unwrap()];
    let ended = run(broker, &admin.queue, &options, &words).expect(0);
    let failed = &ended.events("failed")[0];
    assert!(
        failed["error"].as_str().unwrap().contains("--timeout"),
        "{failed}"
    );
    let took = failed["duration_ms"].as_u64().unwrap();
    assert!(took >= 400, "{took} ms");
    let grandchild = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    wait_for_end(grandchild.trim());
}

/// Waits until there is no process of this id, but for one that nobody has waited for.
fn wait_for_end(pid: &str) {
    env::wait_for("the process to end", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn the_first_signal_lets_commands_finish() {
    let broker = env::shared();
    let admin = Admin::new(broker, "finish");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let mut worker = env::worker(broker, &admin.queue, &["--", "sleep", "0.5"]);
    worker.event("received");
    worker.signal(Signal::INT);
    let ended = worker.ended().expect(0);
    assert_eq!(ended.bodies("done"), ["x"]);
    assert_eq!(admin.ready(), 0);
}

#[test]
fn the_second_signal_ends_commands_and_gives_their_tasks_back() {
    let broker = env::shared();
    let admin = Admin::new(broker, "end");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let file = std::env::temp_dir().join(env::unique("pid"));
    let words = [
        "--",
        "sh",
        "-c",
        "sleep 4343 & echo $! > \"$0\"; wait",
        file.to_str().unwrap(),
    ];
    let mut worker = env::worker(broker, &admin.queue, &words);
    worker.event("received");
    let grandchild = env::wait_for("the grandchild", || {
        std::fs::read_to_string(&file)
            .ok()
            .filter(|pid| pid.ends_with('\n'))
    });
    worker.signal(Signal::TERM);
    worker.message("once more Ctrl+C");
    worker.signal(Signal::TERM);
    let ended = worker.ended().expect(130);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.bodies("returned"), ["x"]);
    assert!(ended.events("failed").is_empty(), "{ended}");
    wait_for_end(grandchild.trim());
    admin.wait_for_ready(1);
}

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
                .contains("came back 3 times"),
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

#[test]
fn retries_wait_in_the_broker_while_it_is_restarted() {
    let broker = Broker::private("", "");
    for kind in [Kind::Plain, Kind::Quorum] {
        let admin = Admin::with_queue(&broker, "restart", kind);
        let queue = admin.queue.clone();
        env::new_task(&broker, &queue, &["x"]).expect(0);
        let options = [
            "--backoff",
            "4s",
            "--",
            "sh",
            "-c",
            "test $TASK_ATTEMPT = 2",
        ];
        let mut worker = env::worker(&broker, &queue, &options);
        worker.event("retried");
        worker.kill();
        // A queue that was declared a moment ago is not known to a quorum's members for good.
        broker.ctl(&["-q", "eval", "[dets:sync(T) || T <- dets:all()]."]);
        broker.script("kill");
        broker.script("start");
        let mut worker = env::worker(&broker, &queue, &options);
        assert_eq!(worker.event("done")["attempt"], 2);
        worker.stopped().expect(0);
    }
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

#[test]
fn more_slots_than_tasks_to_do_end_all_the_same() {
    let broker = env::shared();
    let admin = Admin::new(broker, "bounded");
    admin.declare();
    admin.publish(&["1", "2", "3"]);
    let options = ["-j", "2", "--max-tasks", "1", "--", "sleep", "0.2"];
    let ended = env::worker(broker, &admin.queue, &options)
        .ended()
        .expect(0);
    assert_eq!(ended.events("done").len(), 1);
    admin.wait_for_ready(2);
}

#[test]
fn a_user_who_may_not_publish_can_still_work() {
    let broker = env::shared();
    let admin = Admin::new(broker, "reader");
    admin.declare();
    admin.publish(&["x"]);
    let user = env::unique("reader");
    broker.ctl(&["-q", "add_user", &user, "pw"]);
    broker.ctl(&["-q", "set_permissions", &user, "^$", "^$", ".*"]);
    // Taken and given back once, so that its return is to be counted.
    let mut doomed = env::worker(broker, &admin.queue, &["--", "sleep", "60"]);
    doomed.event("received");
    doomed.kill();
    let url = broker.url_with(&format!("{user}:pw"), "");
    let mut worker = command("worker");
    worker.args([
        "-u",
        &url,
        "-q",
        &admin.queue,
        "--no-declare",
        "--log-format",
        "json",
    ]);
    worker.args(["--exit-when-empty", "--", "cat"]);
    let ended = spawn(worker)
        .ended()
        .expect(0)
        .says("warning: there is no queue")
        .says("cannot count how often");
    assert_eq!(ended.events("done").len(), 1);
    broker.ctl(&["-q", "delete_user", &user]);
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_broker_that_takes_nothing() {
    let broker = Broker::private("", "");
    let queue = env::unique("blocked");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("false"));
    env::new_task(&broker, &queue, &["x"]).expect(0);
    worker.event("received");
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.00001"]);
    gate.open();
    worker.event("failed");
    worker.signal(Signal::TERM);
    worker.ended().expect(0).says("their tasks go back");
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
    let admin = Admin::new(&broker, "x");
    env::wait_for("the task to be back", || {
        (admin.ready_in(&queue) >= 1).then_some(())
    });
}

#[test]
fn the_third_signal_kills_what_ignores_the_second() {
    let broker = env::shared();
    let admin = Admin::new(broker, "stubborn");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let file = std::env::temp_dir().join(env::unique("pid"));
    let script = "trap '' TERM; echo $$ > \"$0\"; sleep 60 & wait; wait";
    let words = [
        "--kill-after",
        "1h",
        "--",
        "sh",
        "-c",
        script,
        file.to_str().unwrap(),
    ];
    let mut worker = env::worker(broker, &admin.queue, &words);
    let child = env::wait_for("the command", || {
        std::fs::read_to_string(&file)
            .ok()
            .filter(|pid| pid.ends_with('\n'))
    });
    worker.signal(Signal::TERM);
    worker.message("once more Ctrl+C");
    worker.signal(Signal::TERM);
    worker.message("once more Ctrl+C kills");
    worker.signal(Signal::TERM);
    worker.ended().expect(130);
    std::fs::remove_file(&file).unwrap();
    wait_for_end(child.trim());
    admin.wait_for_ready(1);
}
