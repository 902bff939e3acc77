//! TLS: trust, client certificates, versions, and all that must hold over it as well.

/// What is refused, by either side, and what is said then.
mod refusals;

/// Tasks on their way, long connections, and broken ones.
mod traffic;

use crate::env::{Ended, command, spawn};

/// Where the tests' own listeners are.
const LOCAL: &str = "127.0.0.1";
/// Erlang's options for a listener that wants to see a certificate.
const WANTED: &str = ", {verify, verify_peer}, {fail_if_no_peer_cert, true}";

/// `new_task` with these arguments, to its end.
fn send(arguments: &[&str]) -> Ended {
    let mut command = command("new_task");
    command.args(arguments);
    spawn(command).ended()
}

fn url(host: &str, port: u16) -> String {
    format!("amqps://guest:guest@{host}:{port}")
}
