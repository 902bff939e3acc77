//! Dead letters, retries and results that the broker takes slowly, or not at all.

use crate::env::{self, Admin, Kind, Proxy, Running, Scratch};
use crate::env::{command, spawn};

/// A worker whose every task fails, behind `proxy`.
fn failing(proxy: &Proxy, queue: &str, options: &[&str]) -> Running {
    let mut worker = command("worker");
    worker.args(["-u", &proxy.url, "-q", queue, "--log-format", "json"]);
    worker.args(options).args(["--", "false"]);
    spawn(worker)
}

#[test]
fn a_large_dead_letter_over_a_slow_link_is_sent_once_and_holds_up_nothing() {
    let broker = env::shared();
    let admin = Admin::new(broker, "slow-link");
    let body = Scratch::file("body", vec![b'x'; 6_500_000]);
    env::new_task(broker, &admin.queue, &["--body-file", body.as_str()]).expect(0);
    for task in ["a", "b", "c"] {
        env::new_task(broker, &admin.queue, &[task]).expect(0);
    }
    let proxy = Proxy::crawl(&broker.url);
    let options = ["--retries", "0", "--prefetch", "2"];
    let mut worker = failing(&proxy, &admin.queue, &options);
    for _ in 0..4 {
        worker.event("dead_lettered");
    }
    let ended = worker.stopped();
    assert_eq!(ended.expect(0).events("received").len(), 4);
    let dead = format!("{}.dead", admin.queue);
    assert_eq!(admin.dead_letters(&dead).len(), 4);
    admin.expect_empty(&admin.queue);
}

/// The worker adds its own headers to those of the task.
#[test]
fn a_dead_letter_whose_headers_fit_into_no_frame_tells_less() {
    let broker = env::shared();
    let admin = Admin::new(broker, "full-frame");
    let header = format!("big={}", "x".repeat(130_950));
    env::new_task(broker, &admin.queue, &["-H", &header, "large"]).expect(0);
    env::new_task(broker, &admin.queue, &["sound"]).expect(0);
    let options = ["--retries", "0", "--", "false"];
    let mut worker = env::worker(broker, &admin.queue, &options);
    for body in ["large", "sound"] {
        worker.event_of("dead_lettered", body);
    }
    worker.stopped().expect(0);
    let dead = format!("{}.dead", admin.queue);
    assert_eq!(admin.dead_letters(&dead).len(), 2);
    admin.expect_empty(&admin.queue);
}

/// RabbitMQ 3.10 closes the connection on such an address, later ones drop the result.
#[test]
fn a_result_that_goes_nowhere_does_not_hold_up_others() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nowhere");
    admin.declare();
    for number in 0..3 {
        let body = format!("task {number}");
        admin.publish_with_reply_to(&body, "amq.rabbitmq.reply-to.!.x");
    }
    admin.publish_with_reply_to("last", "amq.rabbitmq.reply-to.g2dkAA==.x");
    admin.publish(&["no result"]);
    let mut worker = env::worker(broker, &admin.queue, &["--exit-when-empty", "--", "cat"]);
    for _ in 0..5 {
        worker.event("done");
    }
    worker.ended().expect(0);
    admin.expect_empty(&admin.queue);
}

#[test]
fn a_full_dead_letter_queue_delays_dead_letters_alone() {
    let broker = env::shared();
    let admin = Admin::new(broker, "full-dead");
    let dead = Admin::with_queue(broker, "dead", Kind::Full(1));
    dead.publish(&["full"]);
    let script = "case $(head -c 4) in dead) exit 65;; once) test $TASK_ATTEMPT = 2;; esac";
    let options = [
        "--dead-letter-queue",
        &dead.queue,
        "--prefetch",
        "5",
        "--fatal-exit",
        "65",
        "--backoff",
        "100ms",
        "--",
        "sh",
        "-c",
        script,
    ];
    let mut worker = env::worker(broker, &admin.queue, &options);
    admin.publish(&["dead", "once"]);
    worker.message("is full or unavailable");
    assert_eq!(worker.event_of("done", "once")["attempt"], 2);
    env::new_task(broker, &admin.queue, &["--wait", "result"]).expect(0);
    // With room again it is put there.
    assert_eq!(dead.get().unwrap().0, b"full");
    worker.event_of("dead_lettered", "dead");
    worker.stopped().expect(0);
    admin.delete_queue(&format!("{}.delay.100", admin.queue));
}
