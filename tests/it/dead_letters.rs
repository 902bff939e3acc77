//! `worker --list-dead`, `--replay-dead`, `--drop-dead`, `--status`: what it does without working.

use crate::env::{self, Admin, Ended, Kind, command};
use rustix::process::Signal;

fn worker(admin: &Admin, arguments: &[&str]) -> Ended {
    let mut worker = command("worker");
    worker.args(["-u", &env::shared().url, "-q", &admin.queue]);
    worker.args(arguments);
    env::spawn(worker).ended()
}

/// Makes dead letters of tasks with these ids and bodies.
fn with_dead_letters(what: &str, tasks: &[(&str, &str)]) -> Admin {
    let admin = Admin::with_queue(env::shared(), what, Kind::Plain);
    for (id, body) in tasks {
        env::new_task(env::shared(), &admin.queue, &["--id", id, body]).expect(0);
    }
    let failing = ["--exit-when-empty", "--retries", "0", "--", "false"];
    worker(&admin, &failing).expect(0);
    admin
}

#[test]
fn those_of_one_task_are_shown_and_replayed_once() {
    // A user may give one id to several tasks.
    let tasks = [("same", "a"), ("same", "a"), ("same", "b"), ("other", "c")];
    let admin = with_dead_letters("twice", &tasks);
    let listed = worker(&admin, &["--list-dead"]).expect(0);
    let listed = listed.says("note: 4 dead letters in queue");
    assert_eq!(
        listed.stdout.matches(" same (×2) after 1 attempt").count(),
        1
    );
    assert_eq!(listed.stdout.matches(" same after 1 attempt").count(), 1);
    let json = worker(&admin, &["--list-dead", "--log-format", "json"]);
    let json = json.expect(0);
    let repeated: Vec<_> = json
        .events("dead_letter")
        .iter()
        .map(|letter| letter["repeated"].clone())
        .collect();
    assert_eq!(repeated, [false, true, false, false]);
    let replayed = worker(&admin, &["--replay-dead"]).expect(0);
    replayed
        .says("3 of 4 dead letters sent")
        .says("1 of the same tasks removed");
    assert_eq!(admin.bodies(), [b"a", b"b", b"c"]);
    admin.expect_empty(&format!("{}.dead", admin.queue));
}

#[test]
fn they_are_dropped_when_the_user_means_it() {
    let admin = with_dead_letters("dropped", &[("1", "a"), ("2", "b"), ("3", "c")]);
    let dead = format!("{}.dead", admin.queue);
    let asked = worker(&admin, &["--drop-dead"]).expect(1);
    asked.says(&format!(
        "3 dead letters in queue `{dead}`; to discard, add --yes"
    ));
    admin.wait_for_ready_in(&dead, 3);
    worker(&admin, &["--drop-dead", "--yes", "--id", "none"])
        .expect(1)
        .says("has the ID `none`");
    let one = worker(&admin, &["--drop-dead", "--yes", "--id", "2"]).expect(0);
    assert_eq!(one.stdout, " [x] Discarded b\n");
    admin.wait_for_ready_in(&dead, 2);
    let rest = worker(&admin, &["--drop-dead", "--yes", "--log-format", "json"]).expect(0);
    assert_eq!(rest.bodies("discarded"), ["a", "c"]);
    admin.expect_empty(&dead);
}

#[test]
fn a_wrong_name_is_no_empty_queue() {
    let admin = Admin::new(env::shared(), "nosuch");
    for option in [
        &["--list-dead"][..],
        &["--replay-dead"],
        &["--drop-dead", "--yes"],
    ] {
        let told = format!(
            "there is neither a queue `{0}` nor a queue `{0}.dead`",
            admin.queue
        );
        worker(&admin, option).expect(73).says(&told);
    }
    worker(&admin, &["--status"])
        .expect(73)
        .says("does not exist");
    admin.declare();
    worker(&admin, &["--list-dead"])
        .expect(0)
        .says("0 dead letters");
}

#[test]
fn the_status_is_watched_until_ctrl_c() {
    let admin = Admin::with_queue(env::shared(), "watched", Kind::Plain);
    let mut watching = command("worker");
    watching.args(["-u", &env::shared().url, "-q", &admin.queue]);
    watching.args(["--status", "--watch", "--log-format", "json"]);
    let mut watching = env::spawn(watching);
    let first = watching.event("status");
    assert_eq!(first["ready"], 0);
    assert!(first["ready_per_second"].is_null(), "{first}");
    admin.publish(&["a", "b"]);
    let mut next = watching.event("status");
    while next["ready"] != 2 {
        next = watching.event("status");
    }
    assert!(next["ready_per_second"].as_f64().unwrap() > 0.0, "{next}");
    watching.signal(Signal::INT);
    watching.ended().expect(0);
}
