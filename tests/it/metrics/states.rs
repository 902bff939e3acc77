//! What the probes say of each state of a worker.

use super::ANY_PORT;
use crate::env::watch::{self, becomes, get, served_at};
use crate::env::{self, Admin, Gate, Proxy, command, spawn};
use rustix::process::Signal;

/// Whatever the broker does, the worker lives.
#[track_caller]
fn lives(address: &str) {
    let answer = get(address, "/livez");
    assert_eq!((answer.status, answer.body.as_str()), (200, "live\n"));
}

#[test]
fn probes_follow_the_connection_and_the_drain() {
    let broker = env::shared();
    let proxy = Proxy::start(&broker.url);
    let admin = Admin::new(broker, "probes");
    let queue = &admin.queue;
    let gate = Gate::new();
    proxy.stall();
    let mut worker = command("worker");
    worker.args(["-u", &proxy.url, "-q", queue, "-j", "2"]);
    worker.args(["--log-format", "json", "--connect-timeout", "1s"]);
    worker.args(ANY_PORT).arg("--").args(gate.before("true"));
    let mut worker = spawn(worker);
    let address = served_at(&mut worker);
    let counts = |name: &str, number| watch::counts(&address, queue, name, "", number);

    becomes(&address, 503, "starting, not connected");
    worker.message("retrying");
    becomes(&address, 503, "starting, not connected");
    lives(&address);
    counts("connected", 0.0);

    proxy.restore();
    worker.event("waiting");
    becomes(&address, 200, "ready");
    lives(&address);
    counts("connected", 1.0);
    counts("reconnects_total", 0.0);

    proxy.stall();
    proxy.cut();
    worker.event("disconnected");
    becomes(&address, 503, "the connection to the broker is lost");
    lives(&address);
    counts("connected", 0.0);
    proxy.restore();
    worker.event("reconnected");
    becomes(&address, 200, "ready");
    counts("reconnects_total", 1.0);

    env::new_task(broker, queue, &["x"]).expect(0);
    worker.event("received");
    counts("tasks_running", 1.0);
    counts("slots", 2.0);
    worker.signal(Signal::TERM);
    worker.event("draining");
    becomes(&address, 503, "draining, 1 running task");
    lives(&address);
    counts("draining", 1.0);
    gate.open();
    worker.ended().expect(0);
    assert!(std::net::TcpStream::connect(&address).is_err());
}
