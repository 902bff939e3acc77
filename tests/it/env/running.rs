//! A command under watch.

use super::DEADLINE;
use super::ended::Ended;
use super::lines::Lines;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::cell::Cell;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Starts any command under watch.
pub fn spawn(mut command: Command) -> Running {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let line = format!("{command:?}");
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    Running {
        line,
        child,
        stdout: Lines::read(stdout),
        stderr: Lines::read(stderr),
        ended: false,
        signalled: Cell::new(false),
    }
}

/// A command that runs. It is killed when dropped.
pub struct Running {
    line: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
    ended: bool,
    signalled: Cell<bool>,
}

impl Running {
    /// Waits for the next line on stdout.
    pub fn line(&mut self) -> String {
        match self.stdout.next() {
            Ok(line) => line,
            Err(why) => self.fail(&format!("no further line on stdout: {why:?}")),
        }
    }

    /// Waits for a line on stderr that holds `text`, and returns it.
    pub fn message(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.stderr.next_by(deadline) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(why) => self.fail(&format!("nothing like {text:?} on stderr: {why:?}")),
            }
        }
    }

    /// Waits for an event of this name, past others.
    pub fn event(&mut self, name: &str) -> Value {
        self.event_where(name, |_| true)
    }

    /// Waits for an event about a body.
    pub fn event_of(&mut self, name: &str, body: &str) -> Value {
        self.event_where(name, |event| event["body"] == body)
    }

    /// One deadline for all: a command that tells something else again and again is not waited for.
    fn event_where(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let event = match self.stdout.next_by(deadline) {
                Ok(line) => serde_json::from_str::<Value>(&line)
                    .unwrap_or_else(|error| self.fail(&format!("{line}: {error}"))),
                Err(why) => self.fail(&format!("no event {name}: {why:?}")),
            };
            if event["event"] == name && is_it(&event) {
                return event;
            }
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the command reads as its stdin, where that was piped. It ends when this is dropped.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Sends a signal, as a person would: not twice in the same moment. The command counts from when
    /// it has handled the last one, which it may do late.
    pub fn signal(&self, signal: Signal) {
        const ALIKE: Duration = Duration::from_millis(150);
        if self.signalled.replace(true) {
            thread::sleep(ALIKE);
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// `kill -9`, as by hand or by the kernel when memory is short.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    pub fn ended(self) -> Ended {
        self.ended_while(|_| {})
    }

    /// Waits for the end, and tells the most memory that the command had at once, in KiB. Pages of
    /// files do not count: a debug build's own file is large.
    pub fn ended_with_peak(self) -> (Ended, u64) {
        let mut peak = 0;
        let ended = self.ended_while(|pid| {
            // For a moment after its start it still shares the memory of this process.
            let exe = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
            if exe.is_none() || exe == std::env::current_exe().ok() {
                return;
            }
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            let status = status.unwrap_or_default();
            let field = |name| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            };
            let most = field("VmHWM:").unwrap_or(0);
            peak = peak.max(most.saturating_sub(field("RssFile:").unwrap_or(0)));
        });
        (ended, peak)
    }

    fn ended_while(mut self, mut look: impl FnMut(u32)) -> Ended {
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            look(self.child.id());
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => self.fail("it does not end"),
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        self.ended = true;
        Ended {
            line: std::mem::take(&mut self.line),
            status,
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stopped(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended()
    }

    fn fail(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        panic!(
            "{why}\ncommand: {}\n--- stdout\n{}--- stderr\n{}",
            self.line,
            self.stdout.rest(),
            self.stderr.rest()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
