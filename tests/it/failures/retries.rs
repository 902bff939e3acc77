//! Commands that fail: retries and dead letters.

use super::{list, run};
use crate::env::{self, Admin, Broker, Ended, Kind, command, spawn};

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
        other.expect(1).says("has the ID `other`");
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
        // A quorum's members may forget a queue that was declared a moment ago.
        broker.ctl(&["-q", "eval", "[dets:sync(T) || T <- dets:all()]."]);
        broker.script("kill");
        broker.script("start");
        let mut worker = env::worker(&broker, &queue, &options);
        assert_eq!(worker.event("done")["attempt"], 2);
        worker.stopped().expect(0);
    }
}
