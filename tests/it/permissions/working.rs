//! Users who work.

use super::{Permissions, Users};
use crate::env::{self, Admin, Version, command, spawn};

#[test]
fn working() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    admin.publish(&["1", "2"]);
    let declares = Permissions::of("worker", queue);
    let works = Permissions::of("worker --no-declare", queue);
    let looks = Permissions::of("worker --status", queue);
    let users = Users::new(broker, &[declares.clone(), works.clone(), looks.clone()]);
    let one = ["worker", "--max-tasks", "1"];
    users.expect_just_enough(&declares, queue, &one);
    users.expect_just_enough(&works, queue, &[&one[..], &["--no-declare"]].concat());
    assert_eq!(admin.ready(), 0);

    let status = ["worker", "--status"];
    let version = broker.version();
    if version >= Version(4, 2, 6) {
        users.expect_just_enough(&looks, queue, &status);
    } else {
        let why = "everyone may ask whether a queue is there, so --status needs no permission";
        env::left_out(version, why);
        for enough in looks.with_one_less().iter().chain([&looks]) {
            users.run(enough, queue, &status).expect(0);
        }
    }
}

#[test]
fn failing_and_looking_after_it() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    let (dead, delay) = (format!("{queue}.dead"), format!("{queue}.delay.20"));
    admin.declare();
    admin.publish(&["x"]);
    let declares = Permissions::of("worker -- COMMAND", queue);
    let works = Permissions::of("worker --no-declare -- COMMAND", queue);
    let lists = Permissions::of("worker --list-dead", queue);
    let replays = Permissions::of("worker --replay-dead", queue);
    let sends = Permissions::of("worker --replay-dead --no-declare", queue);
    let users = Users::new(
        broker,
        &[
            declares.clone(),
            works.clone(),
            lists.clone(),
            replays.clone(),
            sends.clone(),
        ],
    );
    let fails = |options: &[&'static str]| {
        let begin = [
            "worker",
            "--retries",
            "1",
            "--backoff",
            "20ms",
            "--max-tasks",
            "2",
        ];
        [&begin[..], options, &["--", "false"]].concat()
    };

    // Nothing is there yet, and nothing may be made.
    let refused = users
        .run(&works, queue, &fails(&["--no-declare"]))
        .expect(73);
    refused
        .says(&format!("warning: there is no queue `{delay}`"))
        .says(&format!(
            "a failed task cannot be moved and stays in the queue: there is no queue `{delay}`"
        ));
    admin.wait_for_ready(1);

    users.expect_just_enough(&declares, queue, &fails(&[]));
    assert_eq!(admin.ready_in(&dead), 1);
    users.expect_just_enough(&lists, queue, &["worker", "--list-dead"]);
    users.expect_just_enough(&replays, queue, &["worker", "--replay-dead"]);
    assert_eq!(admin.ready(), 1);

    // Now the queues are there.
    users.expect_just_enough(&works, queue, &fails(&["--no-declare"]));
    assert_eq!(admin.ready_in(&dead), 1);
    let replay = ["worker", "--replay-dead", "--no-declare"];
    users.expect_just_enough(&sends, queue, &replay);
    assert_eq!(admin.ready(), 1);
    admin.delete_queue(&delay);
}

#[test]
fn the_refusal_of_a_dead_letter_queue_gives_the_task_back() {
    let broker = env::shared();
    let admin = Admin::new(broker, "rights");
    let queue = admin.queue.as_str();
    admin.declare();
    admin.publish(&["x"]);
    let no_dead = Permissions {
        configure: format!("^{queue}$"),
        ..Permissions::of("worker -- COMMAND", queue)
    };
    let users = Users::new(broker, std::slice::from_ref(&no_dead));
    let words = ["worker", "--on-failure", "dead-letter", "--", "false"];
    let refused = users.run(&no_dead, queue, &words).expect(77);
    refused.says(&format!("access to queue '{queue}.dead'"));
    assert_eq!(admin.ready(), 1);
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
