//! Queues that differ, and those with a backlog.

use super::send;
use crate::env::{self, Admin, Broker, Kind, Version};

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
