//! The log of `--joblog`, and what `--resume` makes of it.

mod collecting;
mod resuming;

use crate::env::{self, Admin, Gate, Scratch, asking, sh, wait_for, words, worker_with};
use std::time::{SystemTime, UNIX_EPOCH};

const HEADER: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";

/// The lines of a log behind its header, by columns.
fn lines(log: &Scratch) -> Vec<Vec<String>> {
    let text = String::from_utf8(log.read()).unwrap();
    assert!(text.ends_with('\n'), "{text}");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(HEADER));
    let lines: Vec<Vec<String>> = lines
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect();
    assert!(lines.iter().all(|line| line.len() == 9), "{lines:?}");
    lines
}

/// The numbers of its tasks, as they ended.
fn numbers(log: &Scratch) -> Vec<u64> {
    let lines = lines(log).into_iter();
    lines.map(|line| line[0].parse().unwrap()).collect()
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

#[test]
fn each_line_tells_how_its_task_ended() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog");
    let script =
        "read -r n; echo out; case $n in 2) exit 7;; 3) kill -TERM $$;; 4) sleep 60;; esac";
    let options = ["--on-failure", "dead-letter", "--timeout", "3s"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh(script));
    let file = Scratch::file("list", b"1\0\x32\0\x33\0\x34\0a\\b\tc\nd\xff\0");
    let log = Scratch::file("log", "what was there before");
    let began = now();
    let arguments = ["-0", "-f", file.as_str(), "-k", "--joblog", log.as_str()];
    asking(broker, &admin.queue, &arguments).ended().expect(1);
    let ended = now();
    let lines = lines(&log);
    let shown: Vec<String> = lines
        .iter()
        .map(|line| [&line[..1], &line[4..]].concat().join(" "))
        .collect();
    let expected = [
        "1 1 4 0 0 1",
        "2 1 4 7 0 2",
        "3 1 4 0 15 3",
        "4 1 4 1 0 4",
        r"5 8 4 0 0 a\\b\tc\nd\xff",
    ];
    assert_eq!(shown, expected);
    let mut last = began - 0.001;
    for line in &lines {
        assert!(!line[1].is_empty());
        assert!(
            line[2]
                .split_once('.')
                .is_some_and(|(_, part)| part.len() == 3)
        );
        assert!(line[3].len() == 10 && line[3].starts_with(' '), "{line:?}");
        // One slot: each task begins when the one before has ended.
        let started: f64 = line[2].parse().unwrap();
        let took: f64 = line[3].trim().parse().unwrap();
        assert!(started >= last && started + took <= ended, "{line:?}");
        last = started + took - 0.002;
        assert!(took >= 2.9 || line[0] != "4", "{line:?}");
    }
}

#[test]
fn a_line_is_there_with_its_result_and_says_when_the_task_began() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-line");
    let gate = Gate::new();
    let command = gate.before("true");
    let script = format!("read n; test $n != 1 || {{ {}; }}; echo $n", command[2]);
    let words = words(&["sh", "-c", &script, gate.path()]);
    let _worker = worker_with(broker, &admin.queue, &["-j", "2"], &words);
    let file = Scratch::file("list", "1\n2\n3\n");
    let log = Scratch::path("log");
    let arguments = ["-f", file.as_str(), "--joblog", log.as_str()];
    let mut waiting = asking(broker, &admin.queue, &arguments);
    assert_eq!((waiting.line(), waiting.line()), ("2".into(), "3".into()));
    wait_for("two lines", || (numbers(&log) == [2, 3]).then_some(()));
    gate.open();
    waiting.ended().expect(0);
    assert_eq!(numbers(&log), [2, 3, 1]);
    let lines = lines(&log);
    // The first task ended last and began first.
    assert!(lines[2][2] <= lines[0][2], "{lines:?}");
}

#[test]
fn no_file_is_emptied_by_a_mistake() {
    let queue = env::unique("joblog-mistake");
    let list = Scratch::file("list", "1\n");
    let unsent = Scratch::file("unsent", "precious\n");
    let [list_path, unsent_path] = [list.as_str(), unsent.as_str()];
    let bulk = ["-f", list_path];
    for arguments in [
        [&bulk[..], &["--joblog", list_path]].concat(),
        [
            &bulk[..],
            &["--joblog", unsent_path, "--unsent", unsent_path],
        ]
        .concat(),
        [&bulk[..], &["--joblog", unsent_path, "--unsent", list_path]].concat(),
        vec!["--body-file", list_path, "--joblog", list_path],
    ] {
        let ended = asking(env::shared(), &queue, &arguments).ended();
        ended.expect(78).says("use another one");
        assert_eq!(list.read(), b"1\n");
        assert_eq!(unsent.read(), b"precious\n");
    }
    for (arguments, why) in [
        (&["--joblog", list_path, "x"][..], "--wait"),
        (&["--wait", "-f", list_path, "--resume"], "--joblog <FILE>"),
        (
            &["--wait", "--joblog", unsent_path, "--resume"],
            "--file <FILE>",
        ),
        (
            &["--wait", "--joblog", unsent_path, "--resume-failed", "x"],
            "cannot be used with",
        ),
    ] {
        let ended = env::new_task(env::shared(), &queue, arguments);
        ended.expect(2).says(why);
    }
}

#[test]
fn one_task_is_logged_too() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-one");
    let options = ["--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh("exit 3"));
    let log = Scratch::path("log");
    let arguments = [
        "--joblog",
        log.as_str(),
        "--log-format",
        "json",
        "two",
        "words",
    ];
    let ended = asking(broker, &admin.queue, &arguments).ended().expect(3);
    assert_eq!(ended.events("result").len(), 1);
    let lines = lines(&log);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0][4..], ["9", "0", "3", "0", "two words"]);
}
