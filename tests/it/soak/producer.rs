//! Producers: one sends single tasks, another one whole files.

use super::diary::Diary;
use super::kind::Kind;
use super::lane::{Lane, Work};
use super::site::Site;
use crate::env::{Random, command};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A producer pauses while about so many tasks of its lane wait.
const BACKLOG_MAX: u64 = 400;

/// How long one call of `new_task` may take: its own time-outs are all much shorter.
const CALL_MAX: Duration = Duration::from_secs(180);

/// The exit codes that say that tasks were not sent: no broker, and not taken.
const NOT_SENT: [i32; 2] = [69, 75];

/// How a producer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One task with each call.
    Single,
    /// A file of tasks with each call.
    Bulk,
}

/// Sends tasks on one lane.
pub(super) struct Producer<'a> {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) lane: &'a Lane,
    pub(super) site: &'a Site,
    pub(super) diary: &'a Diary,
    pub(super) random: Random,
}

impl Producer<'_> {
    /// Sends until `ended`.
    pub(super) fn run(mut self, ended: &AtomicBool) {
        let mut number = 0;
        while !ended.load(Ordering::SeqCst) {
            if self.lane.backlog() > BACKLOG_MAX {
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            let count = match self.mode {
                Mode::Single => 1,
                Mode::Bulk => 20 + self.random.below(300),
            };
            let tasks: Vec<(String, String)> = (number..number + count)
                .map(|number| self.task(number))
                .collect();
            match self.mode {
                Mode::Single => self.send_one(&tasks[0]),
                Mode::Bulk => self.send_file(&tasks, number),
            }
            number += count;
            thread::sleep(match self.mode {
                Mode::Single => self.random.pause(0..150),
                Mode::Bulk => self.random.pause(0..2000),
            });
        }
    }

    /// A task's id and body.
    fn task(&mut self, number: usize) -> (String, String) {
        let kind = match self.lane.work {
            Work::Command => Kind::draw(&mut self.random),
            Work::Dots => Kind::Quick,
        };
        let id = kind.id(&self.name, number);
        let rest = match (self.lane.work, kind) {
            (Work::Dots, _) => " ".to_owned() + &".".repeat(self.random.below(3)),
            (Work::Command, Kind::Big) => " ".to_owned() + &"x".repeat(self.random.below(100_000)),
            (Work::Command, _) => String::new(),
        };
        let body = id.clone() + &rest;
        (id, body)
    }

    fn send_one(&mut self, (id, body): &(String, String)) {
        let path = self.path("body");
        let (code, said) = if body.len() > 1000 {
            fs::write(&path, body.replace("xx", "x\n")).unwrap();
            self.call(&["--body-file", path.to_str().unwrap()])
        } else {
            self.call(&["--header", "soak=yes", body])
        };
        if code != 0 && !NOT_SENT.contains(&code) {
            self.diary
                .wrong(&format!("sending {id} ended with {code}: {said}"));
        }
        self.lane.note_sent([(id.clone(), code == 0)]);
    }

    /// Sends a file. What is not in the file of unsent records afterwards has been confirmed.
    fn send_file(&mut self, tasks: &[(String, String)], number: usize) {
        let (path, unsent) = (self.path("file"), self.path("unsent"));
        let _ = fs::remove_file(&unsent);
        let end = self.random.one_of(&["\n", "\0"]);
        let bodies: Vec<&str> = tasks.iter().map(|(_, body)| body.as_str()).collect();
        fs::write(&path, bodies.join(end) + end).unwrap();
        let window = self.random.one_of(&["1", "7", "100", "1000"]);
        let mut options = vec!["--file", path.to_str().unwrap(), "--window", window];
        options.extend(["--unsent", unsent.to_str().unwrap()]);
        if end == "\0" {
            options.push("--null");
        }
        let (code, said) = self.call(&options);
        let what = format!("{} tasks from {}-{number} on", tasks.len(), self.name);
        if code != 0 && !NOT_SENT.contains(&code) {
            self.diary
                .wrong(&format!("sending {what} ended with {code}: {said}"));
        }
        let left = match fs::read_to_string(&unsent) {
            Ok(left) => left,
            Err(_) if code == 0 => String::new(),
            Err(error) => {
                self.diary.wrong(&format!(
                    "sending {what} ended with {code}, unsent: {error}"
                ));
                bodies.join(end)
            }
        };
        let left: BTreeSet<&str> = left.split(end).filter(|body| !body.is_empty()).collect();
        if (code == 0) != left.is_empty() || left.iter().any(|body| !bodies.contains(body)) {
            let count = left.len();
            self.diary
                .wrong(&format!("sending {what} ended with {code}, {count} unsent"));
        }
        let confirmed = tasks
            .iter()
            .map(|(id, body)| (id.clone(), !left.contains(body.as_str())));
        self.lane.note_sent(confirmed);
    }

    /// Calls `new_task` and returns its exit code and what it said.
    fn call(&mut self, arguments: &[&str]) -> (i32, String) {
        let mut command = command("new_task");
        command.args([
            "--url",
            self.site.url(&mut self.random),
            "--log-format",
            "json",
        ]);
        command.args([
            "--queue",
            &self.lane.queue,
            "--queue-type",
            self.lane.queue_type,
        ]);
        command.args(["--heartbeat", "2s", "--connect-timeout", "3s"]);
        command.args(["--retry-for", "40s", "--confirm-timeout", "30s"]);
        let said = self.path("said");
        let log = fs::File::create(&said).unwrap();
        command.args(arguments).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + CALL_MAX;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                None => {
                    self.diary
                        .wrong(&format!("a call of {} does not end", self.name));
                    child.kill().unwrap();
                    break child.wait().unwrap();
                }
            }
        };
        let said = fs::read_to_string(&said).unwrap();
        if !said.is_empty() {
            self.diary.log(&format!("{}.log", self.name), &said);
        }
        // A signal has no code; none is expected.
        (status.code().unwrap_or(-1), said)
    }

    fn path(&self, what: &str) -> PathBuf {
        self.diary.folder.join(format!("{}.{what}", self.name))
    }
}
