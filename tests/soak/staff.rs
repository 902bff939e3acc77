//! The workers: kept running whatever becomes of them, each with options of its own.

use super::diary::Diary;
use super::kind::COMMAND;
use super::lane::{Lane, Manner, Work};
use super::orders::{Current, Told};
use super::site::Site;
use crate::env::{Random, command};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a worker may take to stop: its tasks take two seconds at most.
const STOP_MAX: Duration = Duration::from_secs(60);

/// Where the output of a worker is cut in its log, in bytes: some bodies are large.
const LINE_MAX: usize = 600;

/// What workers are started with.
const OPTIONS: &[&[&str]] = &[
    &[],
    &["--prefetch", "20"],
    &["--prefetch", "0"],
    &["--concurrency", "2"],
    &["--concurrency", "4"],
    &["--concurrency", "4", "--prefetch", "20"],
];

/// A place for a worker, which has one after the other.
pub(super) struct Post<'a> {
    pub(super) name: String,
    pub(super) lane: &'a Lane,
    pub(super) site: &'a Site,
    pub(super) diary: &'a Diary,
    /// Tasks are acknowledged before the work: tasks must get lost, and the ledger must show it.
    pub(super) sabotage: bool,
    current: Mutex<Option<Current>>,
    number: AtomicUsize,
    /// When a worker here last told of a task that was done.
    last_done: Mutex<Option<Instant>>,
}

impl<'a> Post<'a> {
    /// A place without a worker.
    pub(super) fn new(
        name: String,
        lane: &'a Lane,
        site: &'a Site,
        diary: &'a Diary,
        sabotage: bool,
    ) -> Self {
        Self {
            name,
            lane,
            site,
            diary,
            sabotage,
            current: Mutex::new(None),
            number: AtomicUsize::new(0),
            last_done: Mutex::new(None),
        }
    }

    /// Keeps a worker here until `ended`; then the last one is told to stop.
    pub(super) fn keep(&self, mut random: Random, ended: &AtomicBool) {
        while !ended.load(Ordering::SeqCst) {
            let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
            let name = format!("{}.{number}", self.name);
            let (mut child, said) = self.start(&name, &mut random);
            let stdout = child.stdout.take().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| self.listen(stdout, &name));
                let (status, told) = self.watch(&mut child, ended);
                self.judge(&name, status, told, &said);
            });
        }
    }

    fn start(&self, name: &str, random: &mut Random) -> (Child, PathBuf) {
        let mut command = command("worker");
        command.args(["--url", self.site.url(random), "--log-format", "json"]);
        command.args([
            "--queue",
            &self.lane.queue,
            "--queue-type",
            self.lane.queue_type,
        ]);
        command.args(["--heartbeat", "2s", "--connect-timeout", "3s"]);
        command.args(["--retries", "2", "--backoff", "200ms"]);
        command.args(match self.lane.manner {
            Manner::Steady => &["--concurrency", "2"],
            Manner::Wild => random.one_of(OPTIONS),
        });
        if self.sabotage {
            command.args(["--ack", "auto"]);
        }
        match self.lane.work {
            Work::Dots => {
                command.args(["--dot", "20ms"]);
            }
            Work::Command => {
                command.args(["--timeout", "1500ms", "--kill-after", "200ms"]);
                command.args(["--fatal-exit", "65", "--max-redeliveries", "6"]);
                command
                    .args(["--", "sh", "-c", COMMAND])
                    .arg(&self.lane.ledger);
            }
        }
        let said = self.diary.folder.join(format!("{name}.log"));
        let log = File::create(&said).unwrap();
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        *self.current.lock().unwrap() = Some(Current::new(&child));
        (child, said)
    }

    /// Reads the worker's events to their end.
    fn listen(&self, stdout: ChildStdout, name: &str) {
        let mut log = self.diary.file(&format!("{name}.events"));
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            let cut = (0..=line.len().min(LINE_MAX))
                .rev()
                .find(|at| line.is_char_boundary(*at))
                .unwrap_or(0);
            writeln!(log, "{}", &line[..cut]).unwrap();
            match serde_json::from_str::<Value>(&line) {
                Ok(event) => {
                    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                    let what = text("event");
                    if what == "done" {
                        *self.last_done.lock().unwrap() = Some(Instant::now());
                    }
                    let attempt = event["attempt"].as_u64().unwrap_or_default();
                    self.lane.note_event(&what, &text("body"), attempt);
                }
                // A worker that is killed may have written half a line.
                Err(_) if self.told() == Told::Die || self.lane.work == Work::Command => {}
                Err(error) => self.diary.wrong(&format!("{name} says {line}: {error}")),
            }
        }
    }

    /// Waits for the worker's end, and sees to it when the run has ended.
    fn watch(&self, child: &mut Child, ended: &AtomicBool) -> (ExitStatus, Told) {
        loop {
            let mut current = self.current.lock().unwrap();
            let Some(now) = current.as_mut() else {
                unreachable!("only this thread takes it away");
            };
            if let Some(status) = child.try_wait().unwrap() {
                let told = now.told();
                *current = None;
                return (status, told);
            }
            let stopping = matches!(now.told(), Told::Stop | Told::GiveBack);
            if stopping && now.told_for() > STOP_MAX {
                self.diary.wrong(&format!("{} does not stop", self.name));
                now.tell(Told::Die);
            }
            if ended.load(Ordering::SeqCst) && now.told() == Told::Work {
                now.tell(Told::Stop);
            }
            drop(current);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a worker may end so.
    fn judge(&self, name: &str, status: ExitStatus, told: Told, said: &PathBuf) {
        let fine = match (told, status.code()) {
            (_, None) if status.signal() == Some(Signal::KILL.as_raw()) => {
                // By us, or by a task that kills its worker.
                told == Told::Die || self.lane.work == Work::Command
            }
            // It was stopped before it could do anything, which does what it does to any process.
            (Told::Stop | Told::GiveBack, None)
                if status.signal() == Some(Signal::TERM.as_raw()) =>
            {
                fs::read_to_string(said).unwrap().is_empty()
            }
            // 69: what it finished could not be acknowledged, as the broker was away.
            (Told::Stop, Some(0 | 69)) | (Told::GiveBack, Some(0 | 69 | 130)) => true,
            _ => false,
        };
        if !fine {
            let said = fs::read_to_string(said).unwrap();
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            let text = format!("{name} was told to {told:?} and ended with {status}: {last:?}");
            self.diary.wrong(&text);
        }
    }

    /// When a worker here last told of a task that was done.
    pub(super) fn last_done(&self) -> Option<Instant> {
        *self.last_done.lock().unwrap()
    }

    fn told(&self) -> Told {
        let current = self.current.lock().unwrap();
        current.as_ref().map_or(Told::Die, Current::told)
    }

    /// Tells the worker something, if there is one that works.
    pub(super) fn tell(&self, told: Told) -> bool {
        let mut current = self.current.lock().unwrap();
        match current.as_mut() {
            Some(now) if now.told() == Told::Work => {
                now.tell(told);
                true
            }
            _ => false,
        }
    }

    /// Stops the worker in mid-air for a time, if there is one.
    pub(super) fn freeze(&self, pause: Duration) -> bool {
        let signal = |signal| {
            // While this is locked the process, dead or alive, is still ours.
            let current = self.current.lock().unwrap();
            current.as_ref().map(|now| now.signal(signal)).is_some()
        };
        let is_frozen = signal(Signal::STOP);
        if is_frozen {
            thread::sleep(pause);
            signal(Signal::CONT);
        }
        is_frozen
    }
}
