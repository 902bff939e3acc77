//! What a service manager is told (`NOTIFY_SOCKET`).

use crate::env::{self, Admin, Gate, Proxy, Running, Scratch, command, new_task, spawn, unique};
use rustix::process::Signal;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

/// A service manager of the test's own.
struct Manager {
    socket: UnixDatagram,
    /// The lines that have come, each with when.
    seen: Vec<(Instant, String)>,
}

impl Manager {
    fn at_path(path: &Scratch) -> Self {
        Self::new(UnixDatagram::bind(path.as_str()).unwrap())
    }

    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(env::DEADLINE)).unwrap();
        Self {
            socket,
            seen: Vec::new(),
        }
    }

    /// Waits for a line that begins so, and returns it. Fails if one of `not_before` comes first.
    fn hears(&mut self, begin: &str, not_before: &[&str]) -> String {
        let deadline = Instant::now() + env::DEADLINE;
        loop {
            let mut message = [0; 4096];
            let count = self.socket.recv(&mut message);
            let count = count.unwrap_or_else(|why| panic!("no {begin}: {why}; {:?}", self.seen));
            let now = Instant::now();
            assert!(now < deadline, "no {begin}: {:?}", self.seen);
            let text = std::str::from_utf8(&message[..count]).unwrap();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            self.seen
                .extend(lines.iter().map(|line| (now, line.clone())));
            let early = lines
                .iter()
                .find(|line| not_before.iter().any(|begin| line.starts_with(begin)));
            assert_eq!(early, None, "before {begin}");
            if let Some(line) = lines.into_iter().find(|line| line.starts_with(begin)) {
                return line;
            }
        }
    }

    /// How many lines begin so.
    fn count(&self, begin: &str) -> usize {
        let lines = self.seen.iter();
        lines.filter(|(_, line)| line.starts_with(begin)).count()
    }
}

fn worker(url: &str, queue: &str, socket: &str, options: &[&str]) -> Command {
    let mut worker = command("worker");
    worker.args(["-u", url, "-q", queue, "--log-format", "json"]);
    worker.args(options).env("NOTIFY_SOCKET", socket);
    worker
}

#[test]
fn a_worker_tells_of_its_start_its_work_and_its_end() {
    let broker = env::shared();
    let proxy = Proxy::start(&broker.url);
    let admin = Admin::new(broker, "notify");
    let socket = Scratch::path("notify");
    let mut manager = Manager::at_path(&socket);
    let gate = Gate::new();
    proxy.stall();
    let options = ["-j", "4", "--connect-timeout", "1s"];
    let mut worker = worker(&proxy.url, &admin.queue, socket.as_str(), &options);
    worker.arg("--").args(gate.before("true"));
    let mut worker = spawn(worker);
    let ready = ["READY=1"];
    manager.hears("EXTEND_TIMEOUT_USEC=30000000", &ready);
    worker.message("retrying");
    proxy.restore();
    manager.hears("READY=1", &["STOPPING=1"]);
    assert_eq!(manager.count("STATUS=waiting for the broker"), 1);
    for body in ["1", "2"] {
        new_task(broker, &admin.queue, &[body]).expect(0);
    }
    let stopping = ["STOPPING=1"];
    manager.hears("STATUS=2 of 4 slots busy, 0 done, 0 dead", &stopping);
    proxy.stall();
    proxy.cut();
    manager.hears("STATUS=not connected, 2 of 4 slots busy", &stopping);
    proxy.restore();
    manager.hears(
        "STATUS=2 of 4 slots busy",
        &["READY=1", "EXTEND", "STOPPING=1"],
    );
    worker.signal(Signal::TERM);
    manager.hears("STOPPING=1", &ready);
    manager.hears("STATUS=draining, 2 of 4 slots busy", &ready);
    assert!(manager.count("EXTEND_TIMEOUT_USEC=") >= 2);
    gate.open();
    worker.ended().expect(0);
    assert_eq!(manager.count("READY=1"), 1);
    assert_eq!(manager.count("STOPPING=1"), 1);
}

#[test]
fn statuses_come_once_a_second_at_most() {
    let broker = env::shared();
    let admin = Admin::new(broker, "status");
    let socket = Scratch::path("notify");
    let mut manager = Manager::at_path(&socket);
    let options = [
        "--retries",
        "0",
        "--",
        "sh",
        "-c",
        "sleep 0.01; exit $1",
        "sh",
        "{}",
    ];
    let started = Instant::now();
    let mut worker = spawn(worker(&broker.url, &admin.queue, socket.as_str(), &options));
    worker.event("waiting");
    admin.publish(&["0", "1", "0", "0", "0", "0", "0", "0", "0", "0"]);
    manager.hears("STATUS=0 of 1 slots busy, 9 done, 1 dead", &["STOPPING=1"]);
    worker.stopped().expect(0);
    let statuses = manager.seen.iter();
    let times: Vec<Instant> = statuses
        .filter(|(_, line)| line.starts_with("STATUS="))
        .map(|(at, _)| *at)
        .collect();
    // They are dated here, some time after they were sent.
    let passed = times.last().unwrap().duration_since(started);
    assert!(times.len() >= 2);
    assert!(
        times.len() as f64 <= passed.as_secs_f64() + 1.0,
        "{times:?}"
    );
}

#[test]
fn the_watchdog_hears_of_an_idle_worker_too() {
    let broker = env::shared();
    for (pid, hears) in [(None, true), (Some("1"), false)] {
        let admin = Admin::new(broker, "watchdog");
        let socket = Scratch::path("notify");
        let mut manager = Manager::at_path(&socket);
        let mut worker = worker(&broker.url, &admin.queue, socket.as_str(), &[]);
        worker.env("WATCHDOG_USEC", "400000");
        worker.envs(pid.map(|pid| ("WATCHDOG_PID", pid)));
        let mut worker = spawn(worker);
        worker.event("waiting");
        if hears {
            for _ in 0..5 {
                manager.hears("WATCHDOG=1", &["STOPPING=1"]);
            }
        }
        worker.signal(Signal::TERM);
        manager.hears("STOPPING=1", if hears { &[] } else { &["WATCHDOG=1"] });
        worker.ended().expect(0);
    }
}

/// What of the manager's variables a command of this worker sees.
fn inherited(mut worker: Command) -> String {
    worker.args(["--exit-when-empty", "--", "sh", "-c"]);
    worker.arg("env | grep -E 'NOTIFY|WATCHDOG' >&2; true");
    let ended = spawn(worker).ended().expect(0);
    let lines = ended.stderr.lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains('=')).collect();
    lines.join("\n")
}

#[test]
fn commands_know_nothing_of_the_manager() {
    let broker = env::shared();
    let admin = Admin::new(broker, "inherited");
    let socket = Scratch::path("notify");
    let mut manager = Manager::at_path(&socket);
    new_task(broker, &admin.queue, &["x"]).expect(0);
    let mut worker = worker(&broker.url, &admin.queue, socket.as_str(), &[]);
    worker.envs([("WATCHDOG_USEC", "60000000"), ("WATCHDOG_PID", "1")]);
    // One that is kept shows that the command looks.
    worker.env("KEPT_NOTIFY", "1");
    assert_eq!(inherited(worker), "KEPT_NOTIFY=1");
    manager.hears("STOPPING=1", &[]);
}

#[test]
fn a_manager_that_is_not_there_is_warned_of_once() {
    let broker = env::shared();
    for socket in ["/nowhere/notify", "not-a-socket"] {
        let admin = Admin::new(broker, "nobody");
        let mut worker: Running = spawn(worker(&broker.url, &admin.queue, socket, &[]));
        worker.event("waiting");
        new_task(broker, &admin.queue, &["x"]).expect(0);
        worker.event("done");
        let ended = worker.stopped().expect(0);
        let warnings = ended.stderr.matches("cannot tell the service manager");
        assert_eq!(warnings.count(), 1, "{ended}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_socket_will_do() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;
    let broker = env::shared();
    let admin = Admin::new(broker, "abstract");
    let name = unique("notify");
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut manager = Manager::new(UnixDatagram::bind_addr(&address).unwrap());
    let socket = format!("@{name}");
    let worker = spawn(worker(&broker.url, &admin.queue, &socket, &[]));
    manager.hears("READY=1", &[]);
    worker.stopped().expect(0);
}
