//! Results that are collected later.

use crate::env::{self, Admin, Broker, Ended, Running, Scratch, wait_for, worker_with};
use rustix::process::Signal;
use std::io::Read as _;
use std::process::Stdio;

fn echo() -> Vec<String> {
    let script = "read n || :; echo \"r $n\"; test \"$n\" != bad";
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

fn send(broker: &Broker, queue: &str, lines: &str, name: &str) {
    let file = Scratch::file("list", lines);
    let sent = env::new_task(broker, queue, &["-f", file.as_str(), "--results", name]);
    sent.expect(0);
}

fn collect(broker: &Broker, queue: &str, options: &[&str]) -> Ended {
    let mut all = vec!["--collect"];
    all.extend(options);
    env::new_task(broker, queue, &all)
}

fn collecting(broker: &Broker, queue: &str, options: &[&str]) -> Running {
    let mut all = vec!["--collect"];
    all.extend(options);
    let mut running = env::piped(broker, queue, &all);
    drop(running.stdin());
    running
}

fn results(range: std::ops::RangeInclusive<u32>) -> String {
    let lines: Vec<String> = range.map(|number| format!("r {number}")).collect();
    lines.join("\n") + "\n"
}

#[test]
fn results_are_collected_in_order_over_two_sends() {
    let broker = env::shared();
    let admin = Admin::new(broker, "later");
    send(broker, &admin.queue, &env::numbered(30), "night");
    let second = results(31..=40).replace("r ", "");
    send(broker, &admin.queue, &second, "night");
    let status = collect(broker, &admin.queue, &["night", "--status"]).expect(0);
    let counts = "results night: sent 40, done 0, failed 0, ready 0, waiting 40\n";
    assert_eq!(status.stdout, counts);
    let _worker = worker_with(broker, &admin.queue, &["-j", "2"], &echo());
    let ended = collect(broker, &admin.queue, &["night", "-k"]).expect(0);
    assert_eq!(ended.stdout, results(1..=40));
    ended.says("collected 40: done 40, failed 0");
    collect(broker, &admin.queue, &["night"])
        .expect(73)
        .says("there are no results `night`");
}

#[test]
fn a_failed_task_counts_and_is_named() {
    let broker = env::shared();
    let admin = Admin::new(broker, "later-failed");
    let options = ["--on-failure", "dead-letter"];
    let _worker = worker_with(broker, &admin.queue, &options, &echo());
    send(broker, &admin.queue, "1\nbad\n3\n", "a b");
    let ended = collect(broker, &admin.queue, &["a b", "-k"]).expect(1);
    assert_eq!(ended.stdout, "r 1\nr bad\nr 3\n");
    let ended = ended.says("was dead-lettered on");
    ended.says("collected 3: done 2, failed 1");
}

#[test]
fn an_interrupted_collector_goes_on_where_it_was() {
    let broker = env::shared();
    let admin = Admin::new(broker, "pieces");
    send(broker, &admin.queue, &env::numbered(9), "pieces");
    let gate = env::Gate::new();
    let script = "read n; until [ $n != 5 ] || [ -e \"$1\" ]; do sleep 0.02; done; echo \"r $n\"";
    let words = ["sh", "-c", script, "sh", gate.path()].map(str::to_owned);
    let _worker = worker_with(broker, &admin.queue, &[], &words);
    let mut first = collecting(broker, &admin.queue, &["pieces"]);
    for number in 1..=4 {
        assert_eq!(first.line(), format!("r {number}"));
    }
    first.signal(Signal::INT);
    let ended = first.ended().expect(130);
    let ended = ended.says("collected 4: done 4, failed 0");
    ended.says("5 results are still to be collected");
    let status = collect(broker, &admin.queue, &["pieces", "--status"]).expect(0);
    assert!(
        status.stdout.contains("sent 9, done 4, failed 0,"),
        "{status}"
    );
    gate.open();
    let ended = collect(broker, &admin.queue, &["pieces"]).expect(0);
    assert_eq!(ended.stdout, results(5..=9));
}

#[test]
fn two_collectors_share_the_results() {
    let broker = env::shared();
    let admin = Admin::new(broker, "shared");
    send(broker, &admin.queue, &env::numbered(200), "both");
    let collectors = [0, 1].map(|_| collecting(broker, &admin.queue, &["both"]));
    let _worker = worker_with(broker, &admin.queue, &["-j", "2"], &echo());
    let ended = collectors.map(|collector| collector.ended().expect(0));
    let mut lines: Vec<&str> = ended
        .iter()
        .flat_map(|ended| ended.stdout.lines())
        .collect();
    lines.sort_unstable();
    let expected = results(1..=200);
    let mut expected: Vec<&str> = expected.lines().collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    wait_for("the queues to go", || {
        let ended = collect(broker, &admin.queue, &["both", "--status"]);
        ended.stderr.contains("there are no results").then_some(())
    });
}

#[test]
fn results_survive_a_broker_that_is_killed() {
    for options in [&[][..], &["--queue-type", "quorum"]] {
        let broker = Broker::private("", "");
        let queue = env::unique("survive");
        let file = Scratch::file("list", env::numbered(20));
        let mut sending = vec!["-f", file.as_str(), "--results", "r"];
        sending.extend(options);
        env::new_task(&broker, &queue, &sending).expect(0);
        let mut working = options.to_vec();
        working.push("--exit-when-empty");
        worker_with(&broker, &queue, &working, &echo())
            .ended()
            .expect(0);
        broker.script("kill");
        broker.script("start");
        let ended = collect(&broker, &queue, &["r", "-k", "--retry-for", "60s"]).expect(0);
        assert_eq!(ended.stdout, results(1..=20));
    }
}

/// What others put into these queues hurts nobody.
#[test]
fn garbage_is_removed_and_told() {
    let broker = env::shared();
    let admin = Admin::new(broker, "garbage");
    send(broker, &admin.queue, "1\n", "g");
    let queue = format!("{}.results.g", admin.queue);
    admin.publish_to(&queue, &["not a result"]);
    admin.publish_to(&format!("{queue}.state"), &["not a state", "{\"runs\":7}"]);
    let _worker = worker_with(broker, &admin.queue, &[], &echo());
    let ended = collect(broker, &admin.queue, &["g"]).expect(0);
    assert_eq!(ended.stdout, results(1..=1));
    ended.says("a message that is no result was removed");
}

#[test]
fn what_cannot_be_is_refused() {
    let broker = env::shared();
    for arguments in [
        &["--collect", "a", "x"][..],
        &["--collect", "a", "--wait"],
        &["--results", "a", "--wait", "x"],
        &["--results", "", "x"],
        &["--collect", "a.state"],
        &["--status"],
        &["-k", "x"],
    ] {
        env::new_task(broker, "never", arguments).expect(2);
    }
}

/// A reader that is slow holds up the broker, and fills no memory.
#[test]
fn a_slow_reader_does_not_fill_the_memory() {
    const BYTES: usize = 100_000;
    let broker = env::shared();
    let admin = Admin::new(broker, "slow-reader");
    let file = Scratch::file("list", env::numbered(400));
    let mut command = env::command("new_task");
    command.args([
        "-u",
        &broker.url,
        "-q",
        &admin.queue,
        "-f",
        file.as_str(),
        "--wait",
    ]);
    let mut waiting = command.stdout(Stdio::piped()).spawn().unwrap();
    admin.wait_for_ready(400);
    let script = format!("head -c {BYTES} /dev/zero");
    let words = ["sh", "-c", &script].map(str::to_owned);
    let options = ["-j", "2", "--exit-when-empty"];
    worker_with(broker, &admin.queue, &options, &words)
        .ended()
        .expect(0);
    // All are done, and nobody has read yet.
    let status = std::fs::read_to_string(format!("/proc/{}/status", waiting.id())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    let peak: usize = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    let mut output = Vec::new();
    waiting
        .stdout
        .take()
        .unwrap()
        .read_to_end(&mut output)
        .unwrap();
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
    assert_eq!(output.len(), 400 * BYTES);
    // 64 of 400 results are delivered before the first is read.
    assert!(peak < 20 * 1024, "{peak} KiB");
}
