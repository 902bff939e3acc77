//! Ctrl+C, SIGTERM and `--grace`.

use crate::env::{self, Admin, Gate, Proxy};
use rustix::process::Signal;

/// A worker in the middle of a task that takes `dot`, with a second task waiting.
fn in_mid_task(name: &str, options: &[&str]) -> (Admin, env::Running) {
    let broker = env::shared();
    let admin = Admin::new(broker, name);
    env::new_task(broker, &admin.queue, &["running."]).expect(0);
    env::new_task(broker, &admin.queue, &["waiting."]).expect(0);
    let mut worker = env::worker(broker, &admin.queue, options);
    worker.event("received");
    (admin, worker)
}

#[test]
fn lesson_7_the_first_ctrl_c_finishes_the_task() {
    for signal in [Signal::INT, Signal::TERM] {
        let (admin, worker) = in_mid_task("first", &["--dot", "300ms"]);
        worker.signal(signal);
        let ended = worker.ended().expect(0).says("Ctrl+C again returns it");
        assert_eq!(ended.bodies("done"), ["running."]);
        assert_eq!(ended.events("stopped")[0]["reason"], "signal");
        admin.wait_for_ready(1);
    }
}

#[test]
fn nohup_keeps_a_worker_when_its_terminal_goes() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nohup");
    env::new_task(broker, &admin.queue, &["first"]).expect(0);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
    command.args([
        env!("CARGO_BIN_EXE_worker"),
        "-u",
        &broker.url,
        "-q",
        &admin.queue,
    ]);
    command.args(["--log-format", "json", "--dot", "0s"]);
    let mut worker = env::spawn(command);
    worker.event_of("done", "first");
    worker.signal(Signal::HUP);
    env::new_task(broker, &admin.queue, &["second"]).expect(0);
    worker.event_of("done", "second");
    worker.signal(Signal::TERM);
    let ended = worker.ended().expect(0);
    assert_eq!(ended.events("stopped")[0]["reason"], "signal");
    // Without it, the terminal's end stops a worker.
    let worker = env::worker(broker, &admin.queue, &[]);
    worker.signal(Signal::HUP);
    worker.ended().expect(0);
}

#[test]
fn lesson_7_the_second_ctrl_c_gives_the_task_back() {
    let (admin, mut worker) = in_mid_task("second", &["--dot", "60s"]);
    worker.signal(Signal::INT);
    worker.message("Ctrl+C again");
    worker.signal(Signal::INT);
    let ended = worker.ended().expect(130);
    assert_eq!(ended.bodies("returned"), ["running."]);
    assert_eq!(ended.bodies("done"), [""; 0]);
    admin.wait_for_ready(2);
    let again = env::worker(
        env::shared(),
        &admin.queue,
        &["--exit-when-empty", "--dot", "1ms"],
    );
    assert_eq!(
        again.ended().expect(0).bodies("done"),
        ["running.", "waiting."]
    );
}

#[test]
fn grace_bounds_the_wait_for_running_tasks() {
    let (admin, worker) = in_mid_task("grace", &["--dot", "60s", "--grace", "50ms"]);
    worker.signal(Signal::TERM);
    worker.ended().expect(130);
    admin.wait_for_ready(2);
}

#[test]
fn prefetched_tasks_go_back_in_their_order() {
    let broker = env::shared();
    let admin = Admin::new(broker, "prefetched");
    admin.declare();
    admin.publish(&["1.", "2", "3", "4"]);
    let mut worker = env::worker(broker, &admin.queue, &["--prefetch", "0", "--dot", "200ms"]);
    worker.event("received");
    admin.wait_for_ready(0);
    let ended = worker.stopped().expect(0);
    assert_eq!(ended.bodies("returned"), ["2", "3", "4"]);
    let again = env::worker(broker, &admin.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    assert_eq!(again.bodies("done"), ["2", "3", "4"]);
}

#[test]
fn max_tasks_takes_no_more_than_it_says() {
    let broker = env::shared();
    let admin = Admin::new(broker, "max");
    admin.declare();
    admin.publish(&["1", "2", "3", "4"]);
    let options = ["--max-tasks", "3", "--prefetch", "0", "-j", "2"];
    let ended = env::worker(broker, &admin.queue, &options)
        .ended()
        .expect(0);
    assert_eq!(ended.events("done").len(), 3);
    assert_eq!(ended.events("stopped")[0]["reason"], "max-tasks");
    admin.wait_for_ready(1);
}

/// A task comes when the worker has seen that the queue is empty and is about to end. It does that
/// task, and takes nothing else meanwhile: another consumer gets the next.
#[test]
fn a_task_at_the_last_moment_is_done_and_no_more_is_held_than_prefetched() {
    let broker = env::shared();
    let admin = Admin::new(broker, "last-moment");
    let (proxy, gate) = (Proxy::start(&broker.url), Gate::new());
    proxy.hold_cancels();
    let mut command = env::command("worker");
    command.args(["-u", &proxy.url, "-q", &admin.queue]);
    command.args(["--log-format", "json", "--exit-when-empty", "--"]);
    command.args(gate.before("true"));
    let mut worker = env::spawn(command);
    env::wait_for("the worker to end", || proxy.holds_a_cancel().then_some(()));
    admin.publish(&["1", "2"]);
    admin.wait_for_ready(1);
    proxy.release_cancels();
    worker.event_of("received", "1");
    let mut other = env::worker(broker, &admin.queue, &[]);
    other.event_of("done", "2");
    gate.open();
    assert_eq!(worker.ended().expect(0).bodies("done"), ["1"]);
    other.stopped().expect(0);
    admin.expect_empty(&admin.queue);
}

#[test]
fn looking_at_a_broker_that_is_away_can_be_stopped() {
    for what in ["--status", "--list-dead", "--replay-dead"] {
        let mut command = env::command("worker");
        command.args(["-u", "amqp://localhost:1", what]);
        let mut looking = env::spawn(command);
        looking.message("retrying");
        looking.stopped().expect(130);
    }
}

#[test]
fn an_idle_worker_stops_at_once() {
    let broker = env::shared();
    let admin = Admin::new(broker, "idle");
    let ended = env::worker(broker, &admin.queue, &[]).stopped().expect(0);
    assert_eq!(ended.events("stopped")[0]["received"], 0);
}

#[test]
fn slots_work_at_the_same_time() {
    let broker = env::shared();
    let admin = Admin::new(broker, "slots");
    admin.declare();
    admin.publish(&["1.", "2.", "3."]);
    let mut worker = env::worker(broker, &admin.queue, &["-j", "3", "--dot", "60s"]);
    let slots: Vec<_> = (0..3)
        .map(|_| worker.event("received")["slot"].clone())
        .collect();
    assert_eq!(slots, [1, 2, 3]);
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
