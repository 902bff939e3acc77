//! One call of `new_task`, and what it came to.

use super::diary::Diary;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a call may take: its own time-outs are all much shorter.
const CALL_MAX: Duration = Duration::from_secs(180);

/// What a call of `new_task` came to.
pub(super) struct Call {
    /// The exit code; -1 after a signal, and none is expected.
    pub(super) code: i32,
    /// Its stderr.
    pub(super) said: String,
    /// Its events.
    pub(super) events: Vec<Value>,
}

/// Records that come by and by on stdin.
pub(super) struct Feed<'a> {
    pub(super) bodies: &'a [&'a str],
    pub(super) end: &'a str,
    /// After each.
    pub(super) pause: Duration,
}

impl Call {
    /// Runs `command` to its end for the producer `name`.
    pub(super) fn make(
        mut command: Command,
        feed: Option<&Feed<'_>>,
        name: &str,
        diary: &Diary,
    ) -> Self {
        let path = |what: &str| diary.folder.join(format!("{name}.{what}"));
        let (said, told) = (path("said"), path("told"));
        command.stdout(File::create(&told).unwrap());
        command.stderr(File::create(&said).unwrap());
        if feed.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let status = thread::scope(|scope| {
            if let (Some(feed), Some(stdin)) = (feed, stdin) {
                scope.spawn(|| feed.give(stdin));
            }
            await_end(&mut child, name, diary)
        });
        let said = fs::read_to_string(said).unwrap();
        if !said.is_empty() {
            diary.log(&format!("{name}.log"), &said);
        }
        let told = fs::read_to_string(told).unwrap();
        let events = told.lines().map(|line| serde_json::from_str(line).unwrap());
        Self {
            code: status.code().unwrap_or(-1),
            said,
            events: events.collect(),
        }
    }
}

fn await_end(child: &mut Child, name: &str, diary: &Diary) -> ExitStatus {
    let deadline = Instant::now() + CALL_MAX;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            diary.wrong(&format!("a call of {name} does not end"));
            child.kill().unwrap();
            return child.wait().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

impl Feed<'_> {
    /// Gives all of them: whatever becomes of it, `new_task` reads to the end, so that nothing is
    /// missing in its file of unsent records.
    fn give(&self, mut stdin: ChildStdin) {
        for body in self.bodies {
            write!(stdin, "{body}{}", self.end).unwrap();
            thread::sleep(self.pause);
        }
    }
}
