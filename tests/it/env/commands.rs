//! The two commands, run and watched.

use super::{Broker, DEADLINE, root};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

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
        "TASK_QUEUE",
        "NO_COLOR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
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
        signalled: Cell::new(None),
    }
}

/// A command that runs. It is killed when dropped.
pub struct Running {
    line: String,
    child: Child,
    stdout: Lines,
    stderr: Lines,
    ended: bool,
    signalled: Cell<Option<Instant>>,
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
        loop {
            match self.stderr.next() {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(why) => self.fail(&format!("nothing like {text:?} on stderr: {why:?}")),
            }
        }
    }

    /// Waits for an event of this name, past others.
    pub fn event(&mut self, name: &str) -> Value {
        loop {
            let event = match self.stdout.next() {
                Ok(line) => serde_json::from_str::<Value>(&line)
                    .unwrap_or_else(|error| self.fail(&format!("{line}: {error}"))),
                Err(why) => self.fail(&format!("no event {name}: {why:?}")),
            };
            if event["event"] == name {
                return event;
            }
        }
    }

    /// Waits for an event about a body.
    pub fn event_of(&mut self, name: &str, body: &str) -> Value {
        loop {
            let event = self.event(name);
            if event["body"] == body {
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

    /// Sends a signal, as a person would: not twice in the same moment.
    pub fn signal(&self, signal: Signal) {
        const ALIKE: Duration = Duration::from_millis(150);
        if let Some(last) = self.signalled.replace(Some(Instant::now())) {
            thread::sleep(ALIKE.saturating_sub(last.elapsed()));
            self.signalled.set(Some(Instant::now()));
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

    /// Waits for the end, and tells the most memory that the command had for itself, in KiB, as far
    /// as looking every few milliseconds shows. Pages of files do not count: a debug build maps the
    /// hundred megabytes of its own file to name the lines of a backtrace, and lets them go again.
    pub fn ended_with_peak(self) -> (Ended, u64) {
        let mut peak = 0;
        let ended = self.ended_while(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            let status = status.unwrap_or_default();
            let field = |name| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok())
            };
            peak = peak.max(field("RssAnon:").unwrap_or(0));
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

/// The lines of a stream, read on a thread as they come.
struct Lines {
    receiver: Receiver<String>,
    seen: String,
}

impl Lines {
    fn read(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(stream.read_until(b'\n', &mut line), Ok(count) if count > 0) {
                let text = String::from_utf8_lossy(&line);
                if sender.send(text.trim_end_matches('\n').to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        let seen = String::new();
        Self { receiver, seen }
    }

    fn next(&mut self) -> Result<String, RecvTimeoutError> {
        let line = self.receiver.recv_timeout(DEADLINE)?;
        self.seen.push_str(&line);
        self.seen.push('\n');
        Ok(line)
    }

    /// All lines, those already seen included, until the stream ends.
    fn rest(&mut self) -> String {
        while let Ok(line) = self.receiver.recv_timeout(Duration::from_secs(5)) {
            self.seen.push_str(&line);
            self.seen.push('\n');
        }
        std::mem::take(&mut self.seen)
    }
}

/// A command that has ended.
pub struct Ended {
    line: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Fails the test unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Fails the test unless stderr says `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}\n{self}");
        self
    }

    /// The events of this name on stdout.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let events = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"))
        });
        events.filter(|event| event["event"] == name).collect()
    }

    /// The bodies of the events of this name.
    pub fn bodies(&self, name: &str) -> Vec<String> {
        let events = self.events(name).into_iter();
        events
            .map(|event| event["body"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "command: {}\n{}\n--- stdout\n{}--- stderr\n{}",
            self.line, self.status, self.stdout, self.stderr
        )
    }
}
