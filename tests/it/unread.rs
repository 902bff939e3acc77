//! A worker whose stdout or stderr nobody reads any more.

use crate::env::{self, Admin, Gate};

/// A worker that waits for tasks, and whose stdout is a pipe that nobody reads any more.
fn unread_worker(admin: &Admin, options: &str) -> env::Running {
    let gate = Gate::new();
    let (worker, broker) = (env!("CARGO_BIN_EXE_worker"), env::shared());
    let first = if options.starts_with("--quiet") {
        format!("while [ ! -e '{}' ]; do sleep 0.02; done", gate.path())
    } else {
        "read -r waiting".to_owned()
    };
    let script = format!(
        "('{worker}' -u {} -q {} {options}; echo code $? >&2) |
         ({first}; exec <&-; echo nobody reads it >&2)",
        broker.url, admin.queue
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]);
    let mut shell = env::spawn(shell);
    admin.wait_for_consumers(1);
    gate.open();
    shell.message("nobody reads it");
    shell
}

#[test]
fn a_worker_whose_output_nobody_reads_stops_and_keeps_its_tasks() {
    let keeps = |options: &str| {
        let admin = Admin::new(env::shared(), "unread");
        admin.declare();
        let shell = unread_worker(&admin, options);
        admin.publish(&["1", "2", "3"]);
        shell.ended().says("code 74");
        // What could not be told is not acknowledged, and nothing else becomes of it.
        admin.wait_for_ready(3);
        assert_eq!(admin.bodies(), [b"1", b"2", b"3"], "{options}");
        assert_eq!(admin.ready_in(&format!("{}.dead", admin.queue)), 0);
    };
    std::thread::scope(|scope| {
        for options in [
            "",
            "-- true",
            "-- echo",
            "-p 100 -- true",
            "-j 2 -- echo",
            "-j 2 -p 100 -- echo",
            "-- false",
            "-j 2 --retries 0 -- false",
            // These workers tell nothing, but their commands do.
            "--quiet -- echo",
            "--quiet --retries 0 -- cat",
            "--quiet -j 2 -- echo",
            "--quiet -j 2 -p 100 -- echo",
        ] {
            scope.spawn(move || keeps(options));
        }
    });
}

#[test]
fn commands_whose_stderr_cannot_be_passed_on_are_done_all_the_same() {
    let admin = Admin::new(env::shared(), "stderr");
    admin.declare();
    admin.publish(&["1", "2", "3"]);
    admin.wait_for_ready(3);
    let worker = env!("CARGO_BIN_EXE_worker");
    let script = "exec \"$0\" \"$@\" --exit-when-empty -- echo x 2>/dev/full";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script, worker, "-u", &env::shared().url]);
    shell.args(["-q", &admin.queue, "--log-format", "json", "-j", "2"]);
    let ended = env::spawn(shell).ended().expect(0);
    assert_eq!(ended.events("done").len(), 3);
    admin.expect_empty(&admin.queue);
}

#[test]
fn a_long_command_ends_when_nobody_reads_the_output() {
    let admin = Admin::new(env::shared(), "unread-long");
    admin.declare();
    let command = "-j 2 -- sh -c 'test $(cat) = short || exec sleep 1000'";
    let shell = unread_worker(&admin, command);
    admin.publish(&["long", "short"]);
    shell.ended().says("code 74");
    admin.wait_for_ready(2);
}

#[test]
fn tasks_that_run_when_the_terminal_goes_are_finished_and_acknowledged() {
    let admin = Admin::new(env::shared(), "hang-up");
    admin.declare();
    admin.publish(&["1", "2", "waiting"]);
    let gate = Gate::new();
    let begun = |slot| format!("{}.{slot}", gate.path());
    let wait = "touch \"$0.$WORKER_SLOT\"; while [ ! -e \"$0\" ]; do sleep 0.02; done; echo x";
    let mut command = env::command("worker");
    command.args([
        "-u",
        &env::shared().url,
        "-q",
        &admin.queue,
        "-j",
        "2",
        "--",
    ]);
    command.args(["sh", "-c", wait, gate.path()]);
    let (terminal, mut worker) = env::in_terminal(&command, 80, 24);
    for slot in [1, 2] {
        env::wait_for("both slots to be busy", || {
            std::fs::remove_file(begun(slot)).ok()
        });
    }
    drop(terminal);
    // It takes no more tasks, and waits for those two.
    admin.wait_for_consumers(0);
    gate.open();
    assert_eq!(worker.wait().unwrap().exit_code(), 0);
    assert_eq!(admin.bodies(), [b"waiting"]);
}
