//! The numbers, compared with what has happened.

use super::ANY_PORT;
use crate::env::watch::{ask, counts, get, numbers, served_at};
use crate::env::{self, Admin, Gate, command, new_task, spawn};

/// Runs a task per body through a shell, whose script is the body.
fn worker(queue: &str, options: &[&str]) -> (env::Running, String) {
    let all = [&ANY_PORT[..], options].concat();
    let words = env::words(&["sh", "-c", "eval \"$1\"", "sh", "{}"]);
    let mut worker = env::worker_with(env::shared(), queue, &all, &words);
    let address = served_at(&mut worker);
    (worker, address)
}

#[test]
fn each_outcome_is_counted_once() {
    let broker = env::shared();
    let admin = Admin::new(broker, "numbers");
    let queue = &admin.queue;
    let options = ["--retries", "1", "--backoff", "10ms", "--timeout", "300ms"];
    let (worker, address) = worker(queue, &options);
    let counts = |name: &str, labels: &str, number| counts(&address, queue, name, labels, number);
    for name in ["done", "dead_lettered", "dropped"] {
        counts("tasks_total", &format!(",outcome=\"{name}\""), 0.0);
    }
    for body in ["true", "exit 3", "kill -9 $$", "exec sleep 60"] {
        new_task(broker, queue, &[body]).expect(0);
    }
    counts("tasks_total", ",outcome=\"dead_lettered\"", 3.0);
    counts("tasks_total", ",outcome=\"done\"", 1.0);
    counts("attempts_total", ",exit_code=\"0\"", 1.0);
    counts("attempts_total", ",exit_code=\"3\"", 2.0);
    counts("attempts_total", ",exit_code=\"\"", 4.0);
    for reason in ["exit", "signal", "timeout"] {
        let label = format!(",reason=\"{reason}\"");
        counts("attempts_failed_total", &label, 2.0);
    }
    counts("attempts_failed_total", ",reason=\"not_started\"", 0.0);
    counts("retries_total", "", 3.0);
    counts("task_duration_seconds_count", "", 7.0);
    counts("task_duration_seconds_bucket", ",le=\"0.25\"", 5.0);
    // First attempts alone.
    counts("task_wait_seconds_count", "", 4.0);
    counts("tasks_running", "", 0.0);
    let series = format!("task_worker_last_outcome_timestamp_seconds{{queue=\"{queue}\"}}");
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let age = since - numbers(&address)[&series];
    assert!((0.0..60.0).contains(&age), "{age}");
    worker.stopped().expect(0);
}

#[test]
fn what_is_dropped_prefetched_or_delivered_again_is_counted() {
    let broker = env::shared();
    let admin = Admin::new(broker, "prefetched");
    let queue = &admin.queue;
    admin.declare();
    admin.publish(&["x", "x", "x"]);
    // The broker marks one as delivered.
    admin.nack();
    let gate = Gate::new();
    let options = [&ANY_PORT[..], &["--prefetch", "3", "--on-failure", "drop"]].concat();
    let mut worker = env::worker_with(broker, queue, &options, &gate.before("exit 1"));
    let address = served_at(&mut worker);
    let counts = |name: &str, labels: &str, number| counts(&address, queue, name, labels, number);
    counts("redeliveries_total", "", 1.0);
    counts("tasks_running", "", 1.0);
    counts("tasks_prefetched", "", 2.0);
    // These tasks do not say when they were sent.
    counts("task_wait_seconds_count", "", 0.0);
    gate.open();
    counts("tasks_total", ",outcome=\"dropped\"", 3.0);
    counts("tasks_prefetched", "", 0.0);
    worker.stopped().expect(0);
}

#[test]
fn a_wait_is_told_to_a_millisecond() {
    let broker = env::shared();
    let admin = Admin::new(broker, "wait");
    let (worker, address) = worker(&admin.queue, &[]);
    new_task(broker, &admin.queue, &["--delay", "300ms", "true"]).expect(0);
    counts(&address, &admin.queue, "task_wait_seconds_count", "", 1.0);
    let series = format!(
        "task_worker_task_wait_seconds_sum{{queue=\"{}\"}}",
        admin.queue
    );
    let waited = numbers(&address)[&series];
    assert!(
        (0.3..30.0).contains(&waited) && waited.fract() != 0.0,
        "{waited}"
    );
    worker.stopped().expect(0);
}

#[test]
fn both_formats_are_served_and_hold_nothing_of_a_task() {
    let broker = env::shared();
    let admin = Admin::new(broker, "formats");
    let (worker, address) = worker(&admin.queue, &[]);
    new_task(
        broker,
        &admin.queue,
        &["--id", "secret-id", "true secret-body"],
    )
    .expect(0);
    counts(
        &address,
        &admin.queue,
        "task_duration_seconds_count",
        "",
        1.0,
    );
    let text = get(&address, "/metrics");
    assert!(
        text.head.contains("text/plain; version=0.0.4"),
        "{}",
        text.head
    );
    assert!(!text.body.contains("# EOF"), "{}", text.body);
    assert!(
        text.body
            .contains("# TYPE task_worker_tasks_total counter\n")
    );
    assert!(text.body.contains("process_resident_memory_bytes "));
    assert!(text.body.contains("task_worker_build_info{"));
    let accept = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,\
        text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n\r\n";
    let open = ask(&address, accept);
    assert!(
        open.head
            .contains("application/openmetrics-text; version=1.0.0")
    );
    assert!(open.body.contains("# TYPE task_worker_tasks counter\n"));
    assert!(open.body.ends_with("# EOF\n"), "{}", open.body);
    for body in [text.body, open.body] {
        assert!(!body.contains("secret"), "{body}");
    }
    worker.stopped().expect(0);
}

#[test]
fn a_command_does_not_inherit_the_socket() {
    let broker = env::shared();
    let admin = Admin::new(broker, "inherited");
    new_task(broker, &admin.queue, &["x"]).expect(0);
    let mut worker = command("worker");
    worker.args([
        "-u",
        &broker.url,
        "-q",
        &admin.queue,
        "--quiet",
        "--exit-when-empty",
    ]);
    worker
        .args(ANY_PORT)
        .args(["--", "ls", "-l", "/proc/self/fd"]);
    let open = spawn(worker).ended().expect(0).stdout;
    assert!(open.contains("0 -> "), "{open}");
    assert!(!open.contains("socket:"), "{open}");
}
