//! Where a worker serves, and where it cannot.

use crate::env::watch::{get, get_from_file, served_at};
use crate::env::{self, Admin, Ended, Scratch, command, spawn};
use std::net::TcpListener;
use std::path::Path;

/// A worker that must not come to work.
fn refused(address: &str) -> Ended {
    let mut worker = command("worker");
    worker.args(["-u", &env::shared().url, "-q", "it-never-declared"]);
    worker.args(["--metrics", address]);
    spawn(worker).ended()
}

#[test]
fn both_kinds_of_ip_address_are_served() {
    let broker = env::shared();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let admin = Admin::new(broker, "addresses");
        let mut worker = env::worker(broker, &admin.queue, &["--metrics", address]);
        let served = served_at(&mut worker);
        assert!(
            served.starts_with(&address[..address.len() - 1]),
            "{served}"
        );
        assert!(!served.ends_with(":0"), "{served}");
        assert_eq!(get(&served, "/livez").status, 200);
        worker.stopped().expect(0);
    }
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let broker = env::shared();
    let admin = Admin::new(broker, "socket");
    let socket = Scratch::path("metrics");
    let options = ["--metrics", socket.as_str()];
    let mut worker = env::worker(broker, &admin.queue, &options);
    worker.message("metrics are at /metrics of ");
    let path = Path::new(socket.as_str());
    assert_eq!(get_from_file(path, "/readyz").status, 200);
    // A second worker leaves it alone.
    refused(socket.as_str()).expect(78).says("in use");
    assert_eq!(get_from_file(path, "/metrics").status, 200);
    // A worker that is killed leaves it, and the next one replaces it.
    worker.kill();
    assert!(path.exists());
    let mut worker = env::worker(broker, &admin.queue, &options);
    worker.message("metrics are at /metrics of ");
    assert_eq!(get_from_file(path, "/livez").status, 200);
    worker.stopped().expect(0);
    assert!(!path.exists());
}

#[test]
fn an_address_that_cannot_be_used_is_told_at_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let expected = format!("cannot listen on {taken} (--metrics): Address already in use");
    refused(&taken).expect(78).says(&expected);
    let file = Scratch::file("metrics", "precious");
    refused(file.as_str()).expect(78).says("is no socket");
    assert_eq!(file.read(), b"precious");
    refused("/nowhere/metrics.sock")
        .expect(78)
        .says("No such file");
    // An address of documentation, which no machine has.
    let foreign = "192.0.2.1:9090";
    refused(foreign).expect(78).says(foreign);
    refused("localhost").expect(2).says("127.0.0.1:9090");
}
