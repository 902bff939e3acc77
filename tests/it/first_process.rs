//! The worker as the first process of a container, which inherits what commands leave behind.

use crate::env::{self, Admin, Broker, Running, Scratch};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Command;

/// Leaves a process behind which writes its own id and its parent's once its old parent has ended,
/// and another task which ends when that process is gone.
const SCRIPT: &str = r#"
case $1 in
leave) sh -c 'until read -r _ < "$0"; do sleep 0.01; done
              grep -q "^PPid:.1$" /proc/$$/status && echo $$ > "$1"' "$2" "$3" > /dev/null 2>&1 & ;;
look) echo go > "$2"
      until read -r pid < "$3"; do sleep 0.01; done 2> /dev/null
      while [ -e "/proc/$pid" ]; do sleep 0.01; done ;;
esac"#;

/// The worker with these words, as the first process of a namespace. `None` where this user may
/// not make one.
fn first(words: &[&str]) -> Option<Running> {
    if !env::has_program("unshare") {
        return None;
    }
    let mut space = vec!["--pid", "--fork", "--kill-child", "--mount-proc"];
    if !rustix::process::geteuid().is_root() {
        space.extend(["--user", "--map-root-user"]);
    }
    let tried = Command::new("unshare").args(&space).arg("true").output();
    if !tried.unwrap().status.success() {
        env::left_out_here("this user may not make namespaces of processes");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(&space).arg(env!("CARGO_BIN_EXE_worker"));
    command.args(words);
    Some(env::spawn(command))
}

/// The children of a process.
fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace().flat_map(str::parse).collect()
}

/// The only child of a process, once it has one.
fn child(pid: u32) -> u32 {
    env::wait_for("a single child", || match children(pid)[..] {
        [child] => Some(child),
        _ => None,
    })
}

/// On the test's queue, with events.
fn on<'a>(admin: &'a Admin, broker: &'a Broker) -> [&'a str; 6] {
    let (url, queue) = (&broker.url, &admin.queue);
    ["--url", url, "--queue", queue, "--log-format", "json"]
}

#[test]
fn what_commands_leave_behind_is_reaped() {
    let broker = env::shared();
    let admin = Admin::new(broker, "orphans");
    let (go, orphan) = (Scratch::path("go"), Scratch::path("orphan"));
    let word = |body: &str| env::new_task(broker, &admin.queue, &[body]).expect(0);
    word("leave");
    word("look");
    let end = [
        "--exit-when-empty",
        "--retries",
        "0",
        "--timeout",
        "30s",
        "--",
        "sh",
        "-c",
        SCRIPT,
        "sh",
        "{}",
        go.as_str(),
        orphan.as_str(),
    ];
    if let Some(worker) = first(&[&on(&admin, broker)[..], &end].concat()) {
        let ended = worker.ended().expect(0);
        assert_eq!(ended.bodies("done"), ["leave", "look"]);
    }
}

#[test]
fn signals_and_the_exit_code_pass_the_first_process() {
    let broker = env::shared();
    let admin = Admin::new(broker, "first");
    env::new_task(broker, &admin.queue, &["running"]).expect(0);
    let words = [&on(&admin, broker)[..], &["--", "sleep", "1"]].concat();
    let Some(mut worker) = first(&words) else {
        return;
    };
    worker.event("received");
    let first_process = Pid::from_raw(i32::try_from(child(worker.id())).unwrap()).unwrap();
    kill_process(first_process, Signal::TERM).unwrap();
    let ended = worker.ended().expect(0);
    assert_eq!(ended.bodies("done"), ["running"]);
    assert_eq!(ended.events("stopped")[0]["reason"], "signal");
    let words = ["--url", "amqp://127.0.0.1:1", "--retry-for", "0s"];
    let words = [&words[..], &["--", "true"]].concat();
    first(&words).unwrap().ended().expect(69);
}

#[test]
fn neither_process_shows_the_password() {
    let url = "amqp://me:open-sesame@127.0.0.1:1";
    let Some(mut worker) = first(&["--url", url, "--", "true"]) else {
        return;
    };
    worker.message("retrying");
    let first_process = child(worker.id());
    for pid in [first_process, child(first_process)] {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(
            line.contains("me:***@") && !line.contains("sesame"),
            "{line}"
        );
    }
}
