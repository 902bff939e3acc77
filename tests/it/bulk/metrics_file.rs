//! The numbers of a run (`--metrics-file`).

use crate::env::{self, Admin, Scratch, command, new_task, piped, spawn};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

/// The number behind this name, if there is one.
fn number(file: &Scratch, name: &str) -> Option<f64> {
    let text = String::from_utf8(file.read()).unwrap();
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(&format!("new_task_{name}{{queue=\"")));
    line.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
}

#[test]
fn a_run_leaves_its_numbers_and_the_time_of_its_success() {
    let broker = env::shared();
    let admin = Admin::new(broker, "textfile");
    let tasks = Scratch::file("tasks", env::numbered(7));
    let numbers = Scratch::path("numbers");
    let arguments = ["-f", tasks.as_str(), "--metrics-file", numbers.as_str()];
    new_task(broker, &admin.queue, &arguments).expect(0);
    for (name, expected) in [("sent", 7.0), ("confirmed", 7.0), ("failed", 0.0)] {
        let name = format!("tasks_{name}");
        assert_eq!(number(&numbers, &name), Some(expected), "{name}");
    }
    assert!(number(&numbers, "duration_seconds") > Some(0.0));
    let success = number(&numbers, "last_success_timestamp_seconds");
    assert_eq!(success, number(&numbers, "last_run_timestamp_seconds"));
    let mode = std::fs::metadata(numbers.as_str()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o400, 0o400, "{mode:?}");

    // A run that fails keeps the time of the success.
    let mut failing = command("new_task");
    failing.args(["-u", "amqp://127.0.0.1:1", "-q", &admin.queue]);
    failing.args(["--retry-for", "0s"]).args(arguments);
    spawn(failing).ended().expect(69);
    assert_eq!(number(&numbers, "tasks_confirmed"), Some(0.0));
    assert_eq!(number(&numbers, "last_success_timestamp_seconds"), success);
    assert!(number(&numbers, "last_run_timestamp_seconds") > success);
}

#[test]
fn a_run_that_never_had_success_tells_of_none() {
    let broker = env::shared();
    let admin = Admin::new(broker, "textfile");
    let numbers = Scratch::path("numbers");
    let arguments = ["-f", "/nowhere", "--metrics-file", numbers.as_str()];
    new_task(broker, &admin.queue, &arguments).expect(74);
    assert_eq!(number(&numbers, "tasks_sent"), Some(0.0));
    assert_eq!(number(&numbers, "last_success_timestamp_seconds"), None);
}

#[test]
fn numbers_that_cannot_be_written_are_an_error() {
    let broker = env::shared();
    let admin = Admin::new(broker, "textfile");
    let tasks = Scratch::file("tasks", "x\n");
    let arguments = ["-f", tasks.as_str(), "--metrics-file", "/nowhere/x.prom"];
    let ended = new_task(broker, &admin.queue, &arguments);
    ended.expect(74).says("cannot write to /nowhere/x.prom");
    // That is found out before anything is sent.
    assert_eq!(admin.ready(), 0);
}

#[test]
fn numbers_that_cannot_be_written_in_the_end_are_an_error_too() {
    let broker = env::shared();
    let admin = Admin::new(broker, "textfile");
    let directory = Scratch::path("directory");
    std::fs::create_dir(directory.as_str()).unwrap();
    let file = format!("{}/x.prom", directory.as_str());
    let mut sending = piped(broker, &admin.queue, &["-f", "-", "--metrics-file", &file]);
    let mut stdin = sending.stdin();
    stdin.write_all(b"x\n").unwrap();
    admin.wait_for_ready(1);
    std::fs::remove_dir(directory.as_str()).unwrap();
    drop(stdin);
    sending.ended().expect(74).says("cannot write to ");
}
