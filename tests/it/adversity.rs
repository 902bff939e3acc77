//! Where something is too large or too little: sizes, limits, alarms. What concerns one task must not
//! hold up the others, nor be taken for its failure.

use crate::env::{self, Admin, Broker, Gate, Proxy, Running, command, spawn};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::Value;
use std::time::Instant;

/// Runs a worker over all tasks, in a shell that was set up by `limits`.
fn limited(admin: &Admin, limits: &str, options: &[&str]) -> env::Ended {
    let worker = env!("CARGO_BIN_EXE_worker");
    let mut shell = std::process::Command::new("sh");
    let script = format!("{limits}; exec '{worker}' \"$@\"");
    shell.args(["-c", &script, "sh", "-u", &env::shared().url]);
    shell.args(["-q", &admin.queue, "--exit-when-empty"]);
    shell.args(options);
    spawn(shell).ended()
}

#[test]
fn more_slots_than_the_system_allows_are_refused_with_advice() {
    let admin = Admin::new(env::shared(), "descriptors");
    let options = ["-j", "200", "--", "true"];
    limited(&admin, "ulimit -n 1024", &options)
        .expect(78)
        .says("--concurrency 200 needs")
        .says("take at most --concurrency 122");
    // Where only the soft limit is too small, it is raised.
    let options = ["-j", "20", "--", "true"];
    limited(&admin, "ulimit -S -n 64", &options).expect(0);
}

#[test]
fn a_command_that_cannot_be_started_for_now_has_not_failed() {
    let broker = env::shared();
    let admin = Admin::new(broker, "descriptors");
    let mut worker = env::worker(broker, &admin.queue, &["-j", "2", "--", "true"]);
    let pid = Pid::from_raw(i32::try_from(worker.id()).unwrap());
    let before = getrlimit(Resource::Nofile);
    let allow = |current| {
        let limit = Rlimit { current, ..before };
        prlimit(pid, Resource::Nofile, limit).unwrap();
    };
    allow(Some(3));
    admin.publish(&["1", "2"]);
    worker.message("cannot start a command for now");
    allow(before.current);
    let mut done = [(); 2].map(|()| worker.event("done")["body"].to_string());
    done.sort();
    assert_eq!(done, ["\"1\"", "\"2\""]);
    let ended = worker.stopped().expect(0);
    assert!(ended.events("failed").is_empty(), "{ended}");
    assert_eq!(ended.events("received").len(), 2);
    let said = ended.stderr.matches("cannot start a command").count();
    assert_eq!(said, 1, "{ended}");
}

/// Three tasks that some worker took and did not do, and seven that none has seen.
fn with_returned_tasks(broker: &Broker, admin: &Admin) {
    let ten: Vec<String> = (1..=10).map(|number| number.to_string()).collect();
    let ten: Vec<&str> = ten.iter().map(String::as_str).collect();
    admin.publish(&ten);
    let options = ["-j", "3", "--", "sleep", "60"];
    let mut doomed = env::worker(broker, &admin.queue, &options);
    for _ in 0..3 {
        doomed.event("received");
    }
    doomed.kill();
    admin.wait_for_ready(10);
}

#[test]
fn tasks_are_done_while_the_broker_takes_no_messages() {
    let broker = Broker::private("", "");
    let admin = Admin::new(&broker, "alarm");
    admin.declare();
    with_returned_tasks(&broker, &admin);
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.00001"]);
    let ended = env::worker(&broker, &admin.queue, &["--max-tasks", "10", "--", "true"]).ended();
    assert_eq!(ended.expect(0).says("uncounted").events("done").len(), 10);
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
}

#[test]
fn a_full_queue_does_not_keep_its_own_tasks_from_being_done() {
    let broker = Broker::private("", "");
    let admin = Admin::new(&broker, "full");
    admin.declare();
    let definition = r#"{"max-length": 3, "overflow": "reject-publish"}"#;
    broker.ctl(&["set_policy", "short", "^it-full", definition]);
    admin.publish(&["1", "2", "3"]);
    let mut doomed = env::worker(&broker, &admin.queue, &["--", "sleep", "60"]);
    doomed.event("received");
    // As many as there may be, besides the one that is being done.
    env::wait_for("the queue to be full", || {
        let sent = env::new_task(&broker, &admin.queue, &["4"]);
        sent.status.success().then_some(())
    });
    doomed.kill();
    admin.wait_for_ready(4);
    let ended = env::worker(&broker, &admin.queue, &["--exit-when-empty", "--", "true"]).ended();
    assert_eq!(ended.expect(0).events("done").len(), 4);
}

/// Another worker has done the one that this one did in vain, and one more comes that is equal.
#[test]
fn equal_tasks_by_other_programs_are_each_done() {
    let broker = env::shared();
    let admin = Admin::new(broker, "equal");
    admin.declare();
    let (proxy, gate) = (Proxy::start(&broker.url), Gate::new());
    let mut first = command("worker");
    first.args(["-u", &proxy.url, "-q", &admin.queue, "--log-format", "json"]);
    first.arg("--").args(gate.before("true"));
    let mut first = spawn(first);
    first.event("waiting");
    admin.publish(&["equal"]);
    first.event("received");
    // It finishes without a connection, while another one does its task as well.
    proxy.stall();
    proxy.cut();
    first.event("disconnected");
    let mut second = env::worker(broker, &admin.queue, &["--", "true"]);
    second.event("done");
    second.stopped().expect(0);
    gate.open();
    first.event("done");
    // The equal one is taken by a third, which dies.
    let mut third = env::worker(broker, &admin.queue, &["--", "sleep", "60"]);
    admin.publish(&["equal"]);
    third.event("received");
    proxy.restore();
    first.event("reconnected");
    third.kill();
    first.event("done");
    let ended = first.stopped().expect(0);
    assert!(ended.events("skipped").is_empty(), "{ended}");
    admin.expect_empty(&admin.queue);
}

/// A worker whose every task fails, and what it has told of each by now.
struct Failing(Running);

impl Failing {
    fn on(broker: &Broker, queue: &str, options: &[&str]) -> Self {
        let script = "case $(head -c 5) in sound) ;; *) exit 1;; esac";
        let words = [options, &["--", "sh", "-c", script]].concat();
        Self(env::worker(broker, queue, &words))
    }

    /// What becomes of the task that is not sound.
    fn dead_letter(&mut self) -> Value {
        self.0.event("dead_lettered")
    }

    /// The sound task is done, whatever happens to the other.
    fn done(&mut self) {
        self.0.event_of("done", "sound");
    }

    fn stopped(self) -> env::Ended {
        self.0.signal(Signal::TERM);
        self.0.ended().expect(0)
    }
}

/// With what brokers add to them, headers that just fitted into a frame do not fit any more.
#[test]
fn headers_that_outgrow_a_frame_on_the_way_hold_up_nothing() {
    let broker = env::shared();
    let admin = Admin::new(broker, "headers");
    let header = format!("big={}", "x".repeat(130_850));
    env::new_task(broker, &admin.queue, &["-H", &header, "large"]).expect(0);
    env::new_task(broker, &admin.queue, &["sound"]).expect(0);
    let options = ["--backoff", "100ms", "--retries", "1"];
    let mut worker = Failing::on(broker, &admin.queue, &options);
    worker.0.event_of("retried", "large");
    worker.done();
    let again = worker.0.event_of("received", "large");
    assert_eq!(again["attempt"], 2);
    worker.stopped();
    admin.delete_queue(&format!("{}.delay.100", admin.queue));
}

/// Its dead letter cannot be taken: it was sent when the broker took larger ones.
#[test]
fn a_task_that_cannot_be_moved_holds_up_nothing_and_is_not_done_over_and_over() {
    let broker = Broker::private("", "");
    let admin = Admin::new(&broker, "immovable");
    let body = env::Scratch::file("body", vec![b'x'; 200_000]);
    env::new_task(&broker, &admin.queue, &["--body-file", body.as_str()]).expect(0);
    env::new_task(&broker, &admin.queue, &["sound"]).expect(0);
    let limit = |bytes: &str| {
        let application = format!("application:set_env(rabbit, max_message_size, {bytes})");
        let cached = format!("persistent_term:put(max_message_size, {bytes})");
        broker.ctl(&["eval", &format!("{application}, {cached}.")]);
    };
    limit("100000");
    let began = Instant::now();
    let mut worker = Failing::on(&broker, &admin.queue, &["--retries", "0"]);
    worker.0.message("cannot be moved");
    worker.done();
    // It is tried again, after a pause that grows.
    worker.0.message("again in 2s");
    limit("100000000");
    worker.dead_letter();
    let seconds = began.elapsed().as_secs();
    let received = worker.stopped().events("received").len();
    // Pauses of 1, 2, 4, … seconds.
    let most = 3 + usize::try_from(seconds.max(1).ilog2()).unwrap();
    assert!(received <= most, "{received} in {seconds} s");
    admin.expect_empty(&admin.queue);
}
