//! The log and the tags of results that are collected later.

use super::{lines, numbers};
use crate::env::{self, Admin, Broker, Ended, Scratch, asking, sh, wait_for, worker_with};
use rustix::process::Signal;
use serde_json::Value;

fn send(broker: &Broker, queue: &str, list: &Scratch, name: &str) {
    let arguments = ["-0", "-f", list.as_str(), "--results", name];
    env::new_task(broker, queue, &arguments).expect(0);
}

fn collect(broker: &Broker, queue: &str, name: &str, options: &[&str]) -> Ended {
    env::new_task(broker, queue, &[&["--collect", name], options].concat())
}

#[test]
fn collected_results_are_logged_for_a_run_that_resumes() {
    let broker = env::shared();
    let admin = Admin::new(broker, "collect-log");
    let large = "y".repeat(70_000);
    let list = Scratch::file(
        "list",
        format!("1\0bad\0a\\b\tc\0{large}\0\u{fe}\0").as_bytes(),
    );
    send(broker, &admin.queue, &list, "night");
    let script = "x=$(head -c 100); echo \"${#x}\"; test \"$x\" != bad";
    let options = ["--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh(script));
    let log = Scratch::path("log");
    let options = ["-k", "--tag", "--joblog", log.as_str()];
    let ended = collect(broker, &admin.queue, "night", &options).expect(1);
    let tag = "y".repeat(1024);
    let expected = format!("1\t1\nbad\t3\na\\b\\tc\t5\n{tag}… (70000 bytes)\t100\n\u{fe}\t2\n");
    assert_eq!(ended.stdout, expected);
    let shown: Vec<String> = lines(&log)
        .iter()
        .map(|line| [&line[..1], &line[4..]].concat().join(" "))
        .collect();
    let beginning = "y".repeat(16 * 1024);
    let expected = [
        "1 1 2 0 0 1".to_owned(),
        "2 3 2 1 0 bad".to_owned(),
        r"3 5 2 0 0 a\\b\tc".to_owned(),
        format!(r"4 70000 4 0 0 {beginning}\… (70000 bytes)"),
        "5 2 2 0 0 \u{fe}".to_owned(),
    ];
    assert_eq!(shown, expected);
    let arguments = ["-0", "-f", list.as_str(), "--joblog", log.as_str()];
    let arguments = [&arguments[..], &["--resume-failed"]].concat();
    let ended = asking(broker, &admin.queue, &arguments).ended().expect(1);
    ended.says("sent 1, confirmed 1, failed 0, skipped 4");
    assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 2]);
}

#[test]
fn a_collector_that_goes_on_adds_to_its_log() {
    let broker = env::shared();
    let admin = Admin::new(broker, "collect-log-on");
    let list = Scratch::file("list", b"1\0\x32\0\x33\0\x34\0");
    send(broker, &admin.queue, &list, "two");
    // Another command's tasks follow.
    send(broker, &admin.queue, &list, "two");
    let gate = env::Gate::new();
    let script = "read -r n || :; test $n != 3 || until [ -e \"$1\" ]; do sleep 0.02; done";
    let words = ["sh", "-c", script, "sh", gate.path()].map(str::to_owned);
    let _worker = worker_with(broker, &admin.queue, &[], &words);
    let log = Scratch::path("log");
    let arguments = ["--collect", "two", "--joblog", log.as_str()];
    let first = env::piped(broker, &admin.queue, &arguments);
    wait_for("two lines", || {
        let is_begun = std::fs::exists(log.as_str()).unwrap();
        (is_begun && log.read().ends_with(b"\t2\n")).then_some(())
    });
    first.signal(Signal::INT);
    first.ended().expect(130);
    gate.open();
    env::new_task(broker, &admin.queue, &arguments).expect(0);
    assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 6, 7, 8]);
    let bodies: Vec<String> = lines(&log)
        .into_iter()
        .map(|line| line[8].clone())
        .collect();
    assert_eq!(bodies.concat(), "12341234");
}

#[test]
fn what_cannot_be_logged_is_still_to_be_collected() {
    let broker = env::shared();
    let admin = Admin::new(broker, "collect-full");
    let list = Scratch::file("list", b"1\0\x32\0");
    send(broker, &admin.queue, &list, "r");
    let _worker = worker_with(broker, &admin.queue, &[], &sh("cat; echo"));
    let options = ["--joblog", "/dev/full"];
    let ended = collect(broker, &admin.queue, "r", &options).expect(74);
    ended.says("cannot write to the log /dev/full");
    let other = Scratch::file("log", "no log\n");
    let options = ["--joblog", other.as_str()];
    let ended = collect(broker, &admin.queue, "r", &options).expect(78);
    ended.says("its first line does not name the columns");
    assert_eq!(other.read(), b"no log\n");
    let ended = collect(broker, &admin.queue, "r", &["--log-format", "json"]).expect(0);
    let events = ended.stdout.lines().map(|line| {
        let event: Value = serde_json::from_str(line).unwrap();
        event
    });
    let results = events.filter(|event| event["event"] == "result");
    let told: Vec<(String, u64)> = results
        .map(|event| {
            let body = event["body"].as_str().unwrap().to_owned();
            (body, event["body_size"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(told, [("1".to_owned(), 1), ("2".to_owned(), 1)]);
}
