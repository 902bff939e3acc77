//! Workers that are kind to their hosts.

use crate::env::{self, Admin, sh, wait_for, watch, words, worker, worker_with};
use rustix::process::Signal;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Nothing has that much memory.
const ALWAYS_BUSY: [&str; 2] = ["--min-memory", "900T"];

#[test]
fn on_a_busy_host_tasks_are_left_to_other_workers() {
    let broker = env::shared();
    let admin = Admin::new(broker, "busy");
    let options = [&ALWAYS_BUSY[..], &["--metrics", "127.0.0.1:0"]].concat();
    let mut busy = worker_with(broker, &admin.queue, &options, &sh("exit 1"));
    let address = watch::served_at(&mut busy);
    let told = busy.message("taking no tasks until that is over");
    let reason = "of memory is available (--min-memory 921600G)";
    assert!(told.contains(reason), "{told}");
    watch::becomes(&address, 503, "the host is busy");
    for number in 1..=5 {
        env::new_task(broker, &admin.queue, &[&number.to_string()]).expect(0);
    }
    let other = worker(broker, &admin.queue, &["--exit-when-empty", "--dot", "0s"]);
    let bodies = other.ended().expect(0).bodies("done");
    assert_eq!(bodies, ["1", "2", "3", "4", "5"]);
    let paused = |count: u64| {
        let status = ["--status", "--log-format", "json"];
        wait_for(&format!("{count} paused"), || {
            let mut command = env::command("worker");
            command
                .args(["--url", &broker.url, "-q", &admin.queue])
                .args(status);
            let told = env::spawn(command).ended().expect(0).events("status");
            (told[0]["paused"] == count && told[0]["consumers"] == 0).then_some(())
        });
    };
    paused(1);
    let mut shown = env::command("worker");
    shown.args(["--url", &broker.url, "-q", &admin.queue, "--status"]);
    let shown = env::spawn(shown).ended().expect(0).stdout;
    assert!(shown.contains("consumers 0 (1 paused)"), "{shown}");
    busy.signal(Signal::TERM);
    assert!(busy.ended().expect(0).bodies("received").is_empty());
    paused(0);
}

/// Memory that is used until this is dropped.
struct Hog(Child);

impl Hog {
    fn of(bytes: u64) -> Self {
        let script = format!("(head -c {bytes} /dev/zero; sleep 600) | tail -c {bytes} >/dev/null");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).process_group(0);
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let group = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }
}

fn available() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes: u64 = line
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    kibibytes << 10
}

/// What is held and has not begun goes to another worker and does not count as returned; afterwards
/// the worker takes tasks again.
#[test]
fn a_host_that_gets_busy_gives_its_tasks_away_and_goes_on_later() {
    let broker = env::shared();
    let admin = Admin::new(broker, "gets-busy");
    let gate = env::Gate::new();
    for number in 1..=3 {
        env::new_task(broker, &admin.queue, &[&number.to_string()]).expect(0);
    }
    // Half of it is far from what other tests use.
    let size = (available() / 2).min(3 << 30);
    let least = (available() - size / 2).to_string();
    let options = ["-p", "3", "--min-memory", &least];
    let script = gate.before("true");
    let mut first = worker_with(
        broker,
        &admin.queue,
        &options,
        &words(&script.each_ref().map(String::as_str)),
    );
    first.event_of("received", "1");
    let hog = Hog::of(size);
    first.event("paused");
    let returned = [first.event("returned"), first.event("returned")];
    let mut returned = returned.map(|event| event["body"].as_str().unwrap().to_owned());
    returned.sort();
    assert_eq!(returned, ["2", "3"]);
    admin.wait_for_ready(2);
    let options = ["--max-tasks", "2"];
    let other = worker_with(broker, &admin.queue, &options, &sh("true"))
        .ended()
        .expect(0);
    for event in other.events("received") {
        assert_eq!(
            (&event["redelivered"], &event["attempt"]),
            (&false.into(), &1.into())
        );
    }
    // What runs is not disturbed.
    gate.open();
    first.event_of("done", "1");
    wait_for("the first worker to hold nothing", || {
        (admin.unsettled(broker) == 0).then_some(())
    });
    drop(hog);
    first.event("resumed");
    env::new_task(broker, &admin.queue, &["4"]).expect(0);
    first.event_of("done", "4");
    first.signal(Signal::TERM);
    first.ended().expect(0);
}

#[test]
fn what_is_no_limit_is_told() {
    let broker = env::shared();
    for (arguments, why) in [
        (
            ["--max-load", "many"],
            "it must be a number above 0, or a percentage",
        ),
        (
            ["--min-memory", "1X"],
            "it should look like 500M, 2G or 10%",
        ),
        (["-j", "-1%"], "it should look like 4, 100%, +1 or -1"),
    ] {
        let mut command = env::command("worker");
        command.args(["--url", &broker.url]).args(arguments);
        env::spawn(command).ended().expect(2).says(why);
    }
    let admin = Admin::new(broker, "host");
    for concurrency in ["-1", "+1", "50%"] {
        env::new_task(broker, &admin.queue, &["x"]).expect(0);
        let options = [
            "-j",
            concurrency,
            "--max-load",
            "9000%",
            "--exit-when-empty",
            "--dot",
            "0s",
        ];
        let ended = worker(broker, &admin.queue, &options).ended().expect(0);
        assert_eq!(ended.bodies("done"), ["x"], "{concurrency}");
    }
}
