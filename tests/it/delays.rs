//! Delays, priorities, times to live, on both types of queue.

use crate::env::{self, Admin, Broker, Kind, Scratch};
use std::time::{Duration, Instant};

/// Queues of both types, as the test makes them beforehand.
fn queues(what: &str) -> [Admin; 2] {
    [Kind::Plain, Kind::Quorum].map(|kind| Admin::with_queue(env::shared(), what, kind))
}

#[test]
fn a_shorter_delay_sent_later_does_not_wait_behind_a_longer_one() {
    for admin in queues("delay") {
        let broker = env::shared();
        let mut worker = env::worker(broker, &admin.queue, &["--dot", "0s"]);
        let began = Instant::now();
        env::new_task(broker, &admin.queue, &["--delay", "8s", "long"]).expect(0);
        env::new_task(broker, &admin.queue, &["--delay", "500ms", "short"]).expect(0);
        env::new_task(broker, &admin.queue, &["at once"]).expect(0);
        let order: Vec<_> = (0..3)
            .map(|_| worker.event("done")["body"].as_str().unwrap().to_owned())
            .collect();
        // The longest is there last, and not before its time; the machine may be slow.
        assert_eq!(order.last().unwrap(), "long", "{order:?}");
        assert!(began.elapsed() >= Duration::from_secs(8));
        worker.stopped().expect(0);
        for delay in ["500", "8000"] {
            admin.delete_queue(&format!("{}.delay.{delay}", admin.queue));
        }
    }
}

#[test]
fn a_queue_of_the_name_that_is_not_ours_is_not_used() {
    let broker = env::shared();
    let admin = Admin::new(broker, "foreign");
    let foreign = format!("{}.delay.700", admin.queue);
    // A plain one: what is put there would never come back.
    admin.declare_named(&foreign);
    env::new_task(broker, &admin.queue, &["--delay", "700ms", "x"]).expect(0);
    admin.wait_for_ready(1);
    assert_eq!(admin.ready_in(&foreign), 0);
    for delay in ["700", "701"] {
        admin.delete_queue(&format!("{}.delay.{delay}", admin.queue));
    }
}

#[test]
fn without_its_work_queue_nothing_is_delayed() {
    let broker = env::shared();
    let queue = env::unique("no-work-queue");
    env::new_task(broker, &queue, &["--no-declare", "--delay", "1s", "x"])
        .expect(73)
        .says("no queue");
}

#[test]
fn delayed_tasks_keep_their_properties_and_can_be_many() {
    let broker = env::shared();
    let admin = Admin::new(broker, "many-delayed");
    let file = Scratch::file("list", "1\n2\n3\n");
    let arguments = ["-f", file.as_str(), "--delay", "100ms", "-H", "colour=red"];
    env::new_task(broker, &admin.queue, &arguments)
        .expect(0)
        .says("sent 3, confirmed 3, failed 0");
    admin.wait_for_ready(3);
    let (body, properties) = admin.get().unwrap();
    assert_eq!(body, b"1");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert!(properties.message_id().is_some());
    assert!(format!("{:?}", properties.headers()).contains("colour"));
    admin.delete_queue(&format!("{}.delay.100", admin.queue));
}

#[test]
fn a_delayed_task_survives_the_brokers_death() {
    let broker = Broker::private("", "");
    let queues = ["classic", "quorum"].map(|kind| (kind, env::unique(kind)));
    for (kind, queue) in &queues {
        let arguments = ["--queue-type", kind, "--delay", "6s", "later"];
        env::new_task(&broker, queue, &arguments).expect(0);
    }
    broker.script("kill");
    broker.script("start");
    for (_, queue) in &queues {
        let mut worker = env::worker(&broker, queue, &["--dot", "0s"]);
        assert_eq!(worker.event("done")["body"], "later");
        worker.stopped().expect(0);
    }
}

#[test]
fn a_delayed_task_can_be_waited_for_whoever_has_the_queue_of_its_length() {
    let broker = env::shared();
    let admin = Admin::new(broker, "delayed-wait");
    admin.declare_named(&format!("{}.delay.700", admin.queue));
    let words = ["cat".to_owned()];
    let _worker = env::worker_with(broker, &admin.queue, &[], &words);
    let arguments = ["--wait", "--delay", "700ms", "hello"];
    let ended = env::new_task(broker, &admin.queue, &arguments).expect(0);
    assert_eq!(ended.stdout.trim_end(), "hello");
    for delay in ["700", "701"] {
        admin.delete_queue(&format!("{}.delay.{delay}", admin.queue));
    }
}

#[test]
fn a_delay_that_is_not_possible_is_refused() {
    let broker = env::shared();
    let queue = env::unique("no-delay");
    env::new_task(broker, &queue, &["--delay", "50d", "x"])
        .expect(2)
        .says("at most 49 days");
    env::new_task(broker, &queue, &["--delay", "1s", "--ttl", "1s", "x"]).expect(2);
    env::new_task(broker, &queue, &["--delay", "0s", "x"]).expect(0);
    let admin = Admin::new(broker, "x");
    assert_eq!(admin.ready_in(&queue), 1);
    admin.delete_queue(&queue);
}

#[test]
fn a_task_whose_time_is_over_is_gone_on_both_types() {
    for admin in queues("ttl") {
        env::new_task(env::shared(), &admin.queue, &["--ttl", "300ms", "short"]).expect(0);
        env::new_task(env::shared(), &admin.queue, &["--ttl", "1h", "long"]).expect(0);
        // Only what is at the head of a queue expires, which "short" is.
        admin.wait_for_ready(1);
        assert_eq!(admin.get().unwrap().0, b"long");
    }
}

#[test]
fn higher_priorities_are_handed_out_first() {
    let broker = env::shared();
    let admin = Admin::new(broker, "priority");
    for (priority, body) in [("1", "low"), ("5", "high"), ("3", "middle")] {
        let arguments = ["--max-priority", "5", "--priority", priority, body];
        env::new_task(broker, &admin.queue, &arguments).expect(0);
    }
    let options = ["--max-priority", "5", "--dot", "0s", "--exit-when-empty"];
    let done = env::worker(broker, &admin.queue, &options)
        .ended()
        .expect(0);
    assert_eq!(done.bodies("done"), ["high", "middle", "low"]);
}
