//! What a worker serves with `--metrics`, as those see it who watch it.

use super::{Running, wait_for};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// An answer over HTTP.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// The address at which this worker says that it serves.
pub fn served_at(worker: &mut Running) -> String {
    let line = worker.message("metrics are at http://");
    let (_, rest) = line.split_once("http://").unwrap();
    rest.trim_end_matches("/metrics").to_owned()
}

/// What a server answers to `request`, which is sent as it is.
pub fn ask(address: &str, request: &str) -> HttpAnswer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    answer(&mut socket)
}

/// The answer to GET.
pub fn get(address: &str, path: &str) -> HttpAnswer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

/// The same over a Unix socket.
pub fn get_from_file(socket: &Path, path: &str) -> HttpAnswer {
    let mut socket = UnixStream::connect(socket).unwrap();
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    answer(&mut socket)
}

/// Reads an answer to its end.
pub fn answer(socket: &mut impl Read) -> HttpAnswer {
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    HttpAnswer {
        status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Waits until `/readyz` answers so.
pub fn becomes(address: &str, status: u16, text: &str) {
    wait_for(&format!("/readyz: {status} {text}"), || {
        let answer = get(address, "/readyz");
        (answer.status == status && answer.body.contains(text)).then_some(())
    });
}

/// The numbers of a worker, each under its name and labels as they stand in `/metrics`.
pub fn numbers(address: &str) -> BTreeMap<String, f64> {
    let answer = get(address, "/metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    let samples = answer.body.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (series, number) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), number.parse().unwrap())
        })
        .collect()
}

/// Waits until the series `task_worker_NAME` of `queue` with these further labels has this number.
pub fn counts(address: &str, queue: &str, name: &str, labels: &str, number: f64) {
    let series = format!("task_worker_{name}{{queue=\"{queue}\"{labels}}}");
    wait_for(&format!("{series} {number}"), || {
        (numbers(address).get(&series) == Some(&number)).then_some(())
    });
}
