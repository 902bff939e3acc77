//! Producers: one sends single tasks, another one whole files.

use super::call::{Call, Feed};
use super::diary::Diary;
use super::kind::Kind;
use super::lane::{Lane, Manner, Work};
use super::site::Site;
use crate::env::{DEADLINE, Random, command};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A producer pauses while about this many tasks of its lane wait.
const BACKLOG_MAX: u64 = 250;

/// The exit codes that say that tasks were not sent: no broker, and not taken.
const NOT_SENT: [i32; 2] = [69, 75];

/// What some calls of `new_task` have besides. Delays have queues of their own, which are made in
/// the midst of trouble.
const OPTIONS: &[&[&str]] = &[
    &[],
    &[],
    &[],
    &[],
    &["--delay", "100ms"],
    &["--delay", "700ms"],
    &["--max-backlog", "300", "--backlog-timeout", "5s"],
    &["--header", "soak=yes", "--content-type", "text/plain"],
];

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
            if self.lane.backlog.waiting() > BACKLOG_MAX {
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            let count = match self.mode {
                Mode::Single => 1,
                Mode::Bulk => 20 + self.random.below(self.most()),
            };
            let tasks: Vec<(String, String)> = (number..number + count)
                .map(|number| self.task(number))
                .collect();
            let begun = Instant::now();
            let all_confirmed = match self.mode {
                Mode::Single => self.send_one(&tasks[0]),
                Mode::Bulk => self.send_file(&tasks, number),
            };
            if all_confirmed {
                self.lane.note_call(self.mode, begun);
            }
            number += count;
            thread::sleep(match self.mode {
                Mode::Single => self.random.pause(0..150),
                Mode::Bulk => self.random.pause(0..1000),
            });
        }
    }

    /// About how many tasks there are in one file at most.
    fn most(&self) -> usize {
        match self.lane.manner {
            Manner::Wild => 300,
            Manner::Steady => 50,
        }
    }

    /// A task's id and body.
    fn task(&mut self, number: usize) -> (String, String) {
        let kind = match (self.lane.work, self.lane.manner) {
            (Work::Command, Manner::Wild) => Kind::draw(&mut self.random),
            (Work::Command, Manner::Steady) => Kind::draw_short(&mut self.random),
            (Work::Dots, _) => Kind::Quick,
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

    /// Sends one task, and waits for its outcome now and then. Whether it was confirmed.
    fn send_one(&mut self, (id, body): &(String, String)) -> bool {
        let path = self.path("body");
        let mut words = Vec::new();
        if body.len() > 1000 {
            fs::write(&path, body.replace("xx", "x\n")).unwrap();
            words.extend(["--body-file", path.to_str().unwrap()]);
        } else {
            words.push(body);
        }
        let waits = self.lane.manner == Manner::Wild && self.random.below(10) == 0;
        if waits {
            words.extend(["--wait", "--wait-timeout", "20s"]);
        }
        let call = self.call(&words, None);
        let confirmed = call.events.iter().any(|event| event["event"] == "sent");
        // With --wait the task's own exit code is among them.
        let is_expected = match call.code {
            0 => confirmed,
            code => NOT_SENT.contains(&code) || (waits && confirmed),
        };
        if !is_expected {
            let what = format!("sending {id} ended with {}: {}", call.code, call.said);
            self.diary.wrong(&what);
        }
        if waits && call.code == 0 && !self.is_carried_out(id) {
            let what = format!("{id} was told as done, and was not: {:?}", call.events);
            self.diary.wrong(&what);
        }
        self.lane.note_sent([(id.clone(), confirmed)]);
        confirmed
    }

    /// Whether a worker has told that it did this task. What it writes is read on another thread,
    /// and may be read later than the result.
    fn is_carried_out(&self, id: &str) -> bool {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if self.lane.carried_out().contains_key(id) {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a file, or feeds a send by and by. What is not in the file of unsent records
    /// afterwards has been confirmed. Whether all was.
    fn send_file(&mut self, tasks: &[(String, String)], number: usize) -> bool {
        let (path, unsent) = (self.path("file"), self.path("unsent"));
        let _ = fs::remove_file(&unsent);
        let end = self.random.one_of(&["\n", "\0"]);
        let bodies: Vec<&str> = tasks.iter().map(|(_, body)| body.as_str()).collect();
        let window = self.random.one_of(&["1", "7", "100", "1000"]);
        let mut options = vec!["--window", window, "--unsent", unsent.to_str().unwrap()];
        if end == "\0" {
            options.push("--null");
        }
        let feed = if self.random.below(2) == 0 {
            options.extend(["--file", "-"]);
            // Up to six seconds for all of it.
            let longest = 20 * self.most();
            let pause = self.random.pause(0..longest) / u32::try_from(tasks.len()).unwrap();
            Some(Feed {
                bodies: &bodies,
                end,
                pause,
            })
        } else {
            fs::write(&path, bodies.join(end) + end).unwrap();
            options.extend(["--file", path.to_str().unwrap()]);
            None
        };
        let results = format!("{}-{number}", self.name);
        let keeps = self.lane.manner == Manner::Wild && self.random.below(4) == 0;
        if keeps {
            options.extend(["--results", &results]);
        }
        let call = self.call(&options, feed.as_ref());
        let left = fs::read_to_string(&unsent).unwrap_or_else(|error| {
            self.diary
                .wrong(&format!("{} of {}: {error}", unsent.display(), call.said));
            bodies.join(end)
        });
        let left: BTreeSet<&str> = left.split(end).filter(|body| !body.is_empty()).collect();
        let is_expected = match call.code {
            0 => left.is_empty(),
            // The tasks are there, and their number is not.
            75 if keeps && left.is_empty() => call.said.contains("could not be noted"),
            code => NOT_SENT.contains(&code) && !left.is_empty(),
        };
        if keeps && call.code == 0 {
            self.lane.note_results(results, tasks.len());
        }
        if !is_expected || left.iter().any(|body| !bodies.contains(body)) {
            let what = format!(
                "sending {} tasks from {}-{number} on ended with {}, {} unsent: {}",
                tasks.len(),
                self.name,
                call.code,
                left.len(),
                call.said
            );
            self.diary.wrong(&what);
        }
        let confirmed = |body: &str| !left.contains(body);
        let sent = tasks.iter();
        self.lane
            .note_sent(sent.map(|(id, body)| (id.clone(), confirmed(body))));
        left.is_empty()
    }

    /// Calls `new_task`.
    fn call(&mut self, arguments: &[&str], feed: Option<&Feed<'_>>) -> Call {
        let mut command = command("new_task");
        command.args(["--url", self.site.url(&mut self.random)]);
        command.args(["--queue", &self.lane.queue]);
        command.args(["--queue-type", self.lane.queue_type]);
        command.args(["--heartbeat", "2s", "--connect-timeout", "3s"]);
        command.args(["--retry-for", "40s", "--confirm-timeout", "30s"]);
        command.args(["--log-format", "json"]).args(arguments);
        if self.lane.manner == Manner::Wild {
            command.args(self.random.one_of(OPTIONS));
        }
        Call::make(command, feed, &self.name, self.diary)
    }

    fn path(&self, what: &str) -> PathBuf {
        self.diary.folder.join(format!("{}.{what}", self.name))
    }
}
