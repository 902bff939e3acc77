//! What comes from outside cannot write on the terminal: not as a body, a header, a name or an
//! argument; neither in lines, nor in JSON, nor next to a bar.

use crate::env::fake::{Step, fake_broker, short};
use crate::env::{self, Admin, Ended, command, spawn};
use serde_json::Value;
use std::process::Command;

/// Clears the screen, sets the window's title, rings, turns red by a C1 control, and writes from
/// right to left.
const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}gpj.\r";
/// How the beginning of this is shown.
const SHOWN: &str = r"\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}gpj";

#[track_caller]
fn assert_harmless(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(harmful), "{ended}\n{text:?}");
    }
}

#[test]
fn in_bodies_headers_and_names() {
    let broker = env::shared();
    let admin = Admin::new(broker, "escapes");
    let header = format!("name={ESCAPES}");
    for format in ["text", "json"] {
        let arguments = [
            "--log-format",
            format,
            "--id",
            ESCAPES,
            "-H",
            &header,
            ESCAPES,
        ];
        let sent = env::new_task(broker, &admin.queue, &arguments).expect(0);
        assert_harmless(&sent);
        if format == "text" {
            assert!(sent.stdout.contains(SHOWN), "{sent}");
        } else {
            // JSON is harmless, and what is read from it is exact.
            let events = sent.events("sent");
            assert_eq!(events[0]["body"], ESCAPES);
            assert_eq!(events[0]["id"], ESCAPES);
        }
    }
    admin.publish(&[ESCAPES]);
    for format in ["text", "json"] {
        let mut worker = command("worker");
        worker.args([
            "-u",
            &broker.url,
            "-q",
            &admin.queue,
            "--log-format",
            format,
        ]);
        worker.args(["-vv", "--max-tasks", "1", "--on-failure", "dead-letter"]);
        worker.args(["--", "sh", "-c", "printf '\\033[2J' >&2; exit 1"]);
        let ended = spawn(worker).ended().expect(0);
        // What a command writes is its own affair; it is passed on as it is.
        let ours = ended.stderr.replacen("\x1b[2J", "", 1);
        assert!(!ours.contains('\x1b'), "{ended}");
        assert!(
            !ended
                .stdout
                .contains(['\x1b', '\u{9b}', '\u{202e}', '\x07']),
            "{ended}"
        );
    }
    for format in ["text", "json"] {
        let mut list = command("worker");
        list.args(["-u", &broker.url, "-q", &admin.queue]);
        list.args(["--list-dead", "--log-format", format]);
        let listed = spawn(list).ended().expect(0);
        assert_harmless(&listed);
        if format == "json" {
            let stderrs: Vec<Value> = listed.events("dead_letter").into_iter().collect();
            assert!(
                stderrs
                    .iter()
                    .any(|letter| letter["task_stderr"] == "\x1b[2J")
            );
        }
    }
}

#[test]
fn in_arguments_that_are_wrong() {
    let broker = env::shared();
    let url = format!("amqp://{ESCAPES}@localhost:1/{ESCAPES}");
    for (arguments, code) in [
        (&["-q", "x", "--no-declare", "--queue-type", ESCAPES][..], 2),
        (&["--heartbeat", ESCAPES], 2),
        (&[&format!("--{ESCAPES}")], 2),
        (&["-u", ESCAPES], 78),
        (&["-u", &url, "--retry-for", "0s"], 69),
        (&["--password-file", ESCAPES], 78),
        (&["-u", &broker.url, "-q", ESCAPES, "--no-declare"], -1),
    ] {
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command.args(arguments);
            let ended = spawn(command).ended();
            assert_harmless(&ended);
            if code >= 0 {
                ended.expect(code);
            }
        }
    }
    let mut file = command("new_task");
    file.args(["--body-file", ESCAPES]);
    assert_harmless(&spawn(file).ended().expect(74));
    let mut program = command("worker");
    program.args(["--", ESCAPES]);
    assert_harmless(&spawn(program).ended().expect(78));
}

/// Runs a command on a terminal of its own, and returns what it wrote there.
fn on_a_terminal(command: &Command) -> Ended {
    let quote =
        |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"));
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(quote)
        .collect();
    let mut script = Command::new("script");
    script.args([
        "--quiet",
        "--return",
        "--command",
        &words.join(" "),
        "/dev/null",
    ]);
    script
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null());
    for name in ["AMQP_URL", "TASK_QUEUE", "NO_COLOR"] {
        script.env_remove(name);
    }
    spawn(script).ended()
}

/// The bar itself moves the cursor and clears lines; others must not have a say in it.
#[track_caller]
fn assert_no_escapes(ended: &Ended) {
    for harmful in ["\x1b[2J\x1b]", "\x1b]0", "\x07", "\u{9b}", "\u{202e}"] {
        assert!(
            !ended.stdout.contains(harmful),
            "{harmful:?}\n{:?}",
            ended.stdout
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn beside_a_bar() {
    let broker = env::shared();
    let admin = Admin::new(broker, "escapes");
    admin.declare();
    admin.publish(&[ESCAPES]);
    let mut worker = command("worker");
    worker.args(["-u", &broker.url, "-q", &admin.queue]);
    worker.args(["-j", "2", "--dot", "700ms", "--max-tasks", "1"]);
    let ended = on_a_terminal(&worker).expect(0);
    assert!(ended.stdout.contains("==>"), "no bar was drawn\n{ended}");
    assert!(ended.stdout.matches(&SHOWN[..20]).count() >= 2, "{ended}");
    assert_no_escapes(&ended);
}

#[test]
#[cfg(target_os = "linux")]
fn beside_the_bar_of_many_tasks() {
    // The broker's own words stand there when it takes nothing.
    let url = fake_broker(Step::Confirm, |peer| {
        peer.reply(0, [10, 60], &short(ESCAPES.as_bytes()))?;
        peer.silence()
    });
    let file = std::env::temp_dir().join(env::unique("records"));
    std::fs::write(&file, "1\n2\n3\n").unwrap();
    let mut new_task = command("new_task");
    new_task.args(["-u", &url, "--file", file.to_str().unwrap()]);
    new_task.args(["--confirm-timeout", "1s", "--retry-for", "0s"]);
    let ended = on_a_terminal(&new_task).expect(75);
    std::fs::remove_file(&file).unwrap();
    assert!(ended.stdout.contains("sent 3"), "no bar was drawn\n{ended}");
    assert!(ended.stdout.matches(&SHOWN[..20]).count() >= 2, "{ended}");
    assert_no_escapes(&ended);
}
