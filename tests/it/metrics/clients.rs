//! Clients that mean no good, and what the others notice of them.

use super::ANY_PORT;
use crate::env::watch::{answer, ask, counts, get, served_at};
use crate::env::{self, Admin, Running};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

fn served(what: &str) -> (Admin, Running, String) {
    let broker = env::shared();
    let admin = Admin::new(broker, what);
    let mut worker = env::worker(broker, &admin.queue, &ANY_PORT);
    let address = served_at(&mut worker);
    (admin, worker, address)
}

#[test]
fn what_is_not_served_is_refused() {
    let (_admin, worker, address) = served("refused");
    assert_eq!(get(&address, "/").status, 404);
    assert_eq!(get(&address, "/metrics/x").status, 404);
    assert_eq!(get(&address, "/livez?verbose").status, 200);
    let posted = ask(
        &address,
        "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    );
    assert_eq!(posted.status, 405);
    assert!(posted.head.contains("Allow: GET, HEAD"), "{}", posted.head);
    let head = ask(&address, "HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("Content-Length: 6"), "{}", head.head);
    assert_eq!(ask(&address, "\x16\x03\x01 no HTTP\r\n\r\n").status, 400);
    let long = format!(
        "GET /metrics HTTP/1.1\r\nCookie: {}\r\n\r\n",
        "x".repeat(9000)
    );
    assert_eq!(ask(&address, &long).status, 431);
    worker.stopped().expect(0);
}

#[test]
fn a_request_without_end_is_cut_off() {
    let (_admin, worker, address) = served("endless");
    let mut socket = TcpStream::connect(&address).unwrap();
    let reader = socket.try_clone().unwrap();
    let writer = thread::spawn(move || {
        let piece = "X: y\r\n".repeat(100);
        let mut sent = 0;
        socket.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        while socket.write_all(piece.as_bytes()).is_ok() {
            sent += piece.len();
        }
        sent
    });
    let mut answered = Vec::new();
    let _ = { reader }.read_to_end(&mut answered);
    assert!(answered.starts_with(b"HTTP/1.1 431"), "{answered:?}");
    // What the kernel holds besides was never read.
    assert!(writer.join().unwrap() < 16 * 1024 * 1024);
    worker.stopped().expect(0);
}

#[test]
fn slow_clients_hold_up_neither_probes_nor_tasks() {
    let (admin, worker, address) = served("slow");
    // More than there are places, each in the middle of its request.
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut socket = TcpStream::connect(&address).unwrap();
            socket.write_all(b"GET /metrics HT").unwrap();
            socket
        })
        .collect();
    let asked = Instant::now();
    assert_eq!(get(&address, "/readyz").status, 200);
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    env::new_task(env::shared(), &admin.queue, &["x"]).expect(0);
    let outcome = ",outcome=\"done\"";
    counts(&address, &admin.queue, "tasks_total", outcome, 1.0);
    // All of them lose their place in the end, without an answer.
    for mut socket in slow {
        socket.set_read_timeout(Some(env::DEADLINE)).unwrap();
        let mut byte = [0];
        // Closed or reset, but not timed out.
        let ended = socket.read(&mut byte);
        let is_over = match ended {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        assert!(is_over);
    }
    worker.stopped().expect(0);
}

#[test]
fn a_hundred_honest_clients_at_once_are_all_served() {
    let (_admin, worker, address) = served("hundred");
    let sockets: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut socket = TcpStream::connect(&address).unwrap();
            socket.write_all(b"GET /livez HTTP/1.1\r\n\r\n").unwrap();
            socket
        })
        .collect();
    for mut socket in sockets {
        assert_eq!(answer(&mut socket).status, 200);
    }
    worker.stopped().expect(0);
}

#[test]
fn who_does_not_read_the_answer_costs_a_place_for_seconds() {
    let (_admin, worker, address) = served("deaf");
    let mut deaf = TcpStream::connect(&address).unwrap();
    deaf.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(get(&address, "/livez").status, 200);
    // The answer is there whenever it is read, and the connection is over.
    assert_eq!(answer(&mut deaf).status, 200);
    worker.stopped().expect(0);
}
