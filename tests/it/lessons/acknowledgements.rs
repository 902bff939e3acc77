//! What becomes of the tasks of a killed worker.

use super::send;
use crate::env::{self, Admin};

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
    worker.message("all of them return");
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
