//! The two commands, as tests call them.

use super::{Broker, Ended, Running, root, spawn};
use std::process::{Command, Stdio};

/// One of the two commands, without arguments and without the environment's settings.
pub fn command(name: &str) -> Command {
    let program = match name {
        "new_task" => env!("CARGO_BIN_EXE_new_task"),
        "worker" => env!("CARGO_BIN_EXE_worker"),
        other => panic!("no command {other}"),
    };
    let mut command = Command::new(program);
    for name in [
        "AMQP_URL",
        "AMQP_MANAGEMENT_URL",
        "TASK_QUEUE",
        "NO_COLOR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "TRACEPARENT",
        "TRACESTATE",
        "BAGGAGE",
        "NOTIFY_SOCKET",
        "WATCHDOG_USEC",
        "WATCHDOG_PID",
    ] {
        command.env_remove(name);
    }
    // To name the lines of a debug build takes a hundred megabytes, and some tests look at memory.
    command.env("RUST_BACKTRACE", "0");
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs `new_task` on `queue` to its end.
pub fn new_task(broker: &Broker, queue: &str, arguments: &[&str]) -> Ended {
    let mut command = command("new_task");
    command.args(["--url", &broker.url, "--queue", queue]);
    command.args(arguments);
    spawn(command).ended()
}

/// Starts `new_task` on `queue` with its stdin piped.
pub fn piped(broker: &Broker, queue: &str, arguments: &[&str]) -> Running {
    let mut command = command("new_task");
    command.args(["--url", &broker.url, "--queue", queue]);
    command.args(arguments).stdin(Stdio::piped());
    spawn(command)
}

/// Starts `worker` on `queue`, with events as JSON, and waits until it waits for tasks.
pub fn worker(broker: &Broker, queue: &str, arguments: &[&str]) -> Running {
    let mut command = command("worker");
    command.args([
        "--url",
        &broker.url,
        "--queue",
        queue,
        "--log-format",
        "json",
    ]);
    command.args(arguments);
    let mut worker = spawn(command);
    worker.event("waiting");
    worker
}

/// The same with a command for the tasks.
pub fn worker_with(broker: &Broker, queue: &str, options: &[&str], words: &[String]) -> Running {
    let mut all = options.to_vec();
    all.push("--");
    all.extend(words.iter().map(String::as_str));
    worker(broker, queue, &all)
}

/// Starts `new_task --wait` on `queue`, with nothing on its stdin.
pub fn asking(broker: &Broker, queue: &str, arguments: &[&str]) -> Running {
    let mut all = vec!["--wait"];
    all.extend(arguments);
    let mut running = piped(broker, queue, &all);
    drop(running.stdin());
    running
}

/// The words of a command.
pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A shell that runs a script.
pub fn sh(script: &str) -> Vec<String> {
    words(&["sh", "-c", script])
}
