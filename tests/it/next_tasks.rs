//! Slots that take their next task by themselves: what is seen of it, and what must not be.

use crate::env::{self, Admin, Gate, spawn};

/// Runs a worker over 60 tasks, with its stderr where its stdout goes.
fn said(options: &[&str], script: &str) -> Vec<String> {
    let admin = Admin::new(env::shared(), "next");
    admin.declare();
    let bodies: Vec<String> = (1..=60).map(|number| number.to_string()).collect();
    admin.publish(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    let worker = env!("CARGO_BIN_EXE_worker");
    let mut shell = std::process::Command::new("sh");
    let both = format!("exec '{worker}' \"$@\" 2>&1");
    shell.args(["-c", &both, "sh", "-u", &env::shared().url]);
    shell.args(["-q", &admin.queue, "-p", "100", "--max-tasks", "60"]);
    shell.args(options).args(["--", "sh", "-c", script, "{}"]);
    let ended = spawn(shell).ended().expect(0);
    ended.stdout.lines().map(str::to_owned).collect()
}

const BOTH: &str = "echo out $0; echo err $0 >&2";

#[test]
fn output_and_lines_come_in_order() {
    let mut expected = vec![" [*] Waiting for messages. To exit press CTRL+C".to_owned()];
    for number in 1..=60 {
        expected.push(format!(" [x] Received {number}"));
        expected.push(format!("out {number}"));
        expected.push(format!("err {number}"));
        expected.push(" [x] Done".to_owned());
    }
    let mut said = said(&[], BOTH);
    // The totals.
    said.pop();
    assert_eq!(said, expected);
}

#[test]
fn output_alone_comes_in_order() {
    for options in [&["--quiet"][..], &["--log-format", "json"]] {
        let said = said(options, BOTH);
        let said: Vec<&String> = said.iter().filter(|line| !line.starts_with('{')).collect();
        let expected: Vec<String> = (1..=60)
            .flat_map(|number| [format!("out {number}"), format!("err {number}")])
            .collect();
        assert!(said.into_iter().eq(&expected), "{options:?}");
    }
}

#[test]
fn output_of_several_slots_stands_before_the_line_of_its_end() {
    let said = said(&["-j", "4"], BOTH);
    let ends: Vec<usize> = (0..said.len())
        .filter(|at| said[*at].starts_with(" [x] Done"))
        .collect();
    assert_eq!(ends.len(), 60);
    for end in ends {
        let number = said[end].rsplit(' ').next().unwrap();
        let before = [format!("out {number}"), format!("err {number}")];
        assert_eq!(said[end - 2..end], before);
    }
}

#[test]
fn a_task_is_told_and_acknowledged_while_the_next_one_runs() {
    let broker = env::shared();
    let admin = Admin::new(broker, "while");
    admin.declare();
    admin.publish(&["1", "2", "3", "long", "4"]);
    let gate = Gate::new();
    let script = format!(
        "test $0 != long || until [ -e {} ]; do sleep 0.02; done",
        gate.path()
    );
    let words = ["sh", "-c", &script, "{}"].map(str::to_owned);
    let mut worker = env::worker_with(broker, &admin.queue, &["-p", "100"], &words);
    for body in ["1", "2", "3"] {
        assert_eq!(worker.event("done")["body"], body);
    }
    worker.event("received");
    admin.wait_for_unsettled(broker, 2);
    gate.open();
    for body in ["long", "4"] {
        assert_eq!(worker.event("done")["body"], body);
    }
    admin.wait_for_unsettled(broker, 0);
}
