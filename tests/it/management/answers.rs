//! What answers at the URL may be anything.

use super::{NOT_SHOWN, status};
use crate::env::{self, Admin, Ended, Http, Kind, command, spawn};
use rustix::process::Signal;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const PASSWORD: &str = "hunter2";

fn admin(what: &str) -> Admin {
    Admin::with_queue(env::shared(), what, Kind::Plain)
}

fn url(server: &Http) -> String {
    format!("http://me:{PASSWORD}@{}", server.address)
}

/// An answer as HTTP writes it.
fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Says nothing until the other side hangs up.
fn silence(_: u32, mut socket: TcpStream) {
    let _ = socket.read(&mut [0]);
}

/// The status is shown without the number, and why; within the limits of time and memory.
fn expect_failure(admin: &Admin, server: &Http) -> Ended {
    let begun = Instant::now();
    let command = status(env::shared(), &admin.queue, &["--management", &url(server)]);
    let (ended, peak) = spawn(command).ended_with_peak();
    let queue = &admin.queue;
    let line = format!("queue {queue}: ready 0, consumers 0, delayed 0, dead 0\n");
    assert_eq!(ended.stdout, line, "{ended}");
    assert_eq!(ended.stderr.matches(NOT_SHOWN).count(), 1, "{ended}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
    assert!(!ended.stderr.contains(PASSWORD), "{ended}");
    // Five seconds, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(25), "{ended}");
    assert!(peak < 64 * 1024, "{peak} KiB\n{ended}");
    ended.expect(0)
}

#[test]
fn bad_answers_are_told_and_the_rest_is_shown() {
    let admin = admin("bad-answers");
    let reason = "{\"error\":\"x\",\"reason\":\"no\\u001b[2J such luck\"}";
    for (answer, told) in [
        (http("401 No", "{}"), "refuses user `me` (HTTP 401)"),
        (http("403 No", reason), r"(HTTP 403: no\x1b[2J such luck)"),
        (
            http("401 No", "{\"reason\":\"Not management user\"}"),
            "the tag `management` is needed",
        ),
        (http("404 No", "{}"), "it knows no such queue"),
        (http("404 No", "<html>"), "no management API (HTTP 404)"),
        (http("200 OK", "<html>"), "no management API (HTTP 200)"),
        (http("200 OK", "[]"), "no management API (HTTP 200)"),
        (http("200 OK", "{}"), "it tells no number for queue"),
        (
            http("200 OK", "{\"messages_unacknowledged\":-1.5}"),
            "it tells no number for queue",
        ),
        (http("200 OK", &"[".repeat(200_000)), "no management API"),
        (http("500 Oh", reason), r"HTTP 500: no\x1b[2J such luck"),
        (
            http("200 OK", &" ".repeat(300_000)),
            "its answer is too large",
        ),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(100_000)),
            "its answer is too large",
        ),
        ("AMQP\0\0\u{9}\u{1}".to_owned(), "does not speak HTTP"),
        (String::new(), "is the plugin enabled"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            "cannot ask",
        ),
    ] {
        let server = Http::serve(move |_, mut socket| {
            let _ = socket.write_all(answer.as_bytes());
        });
        expect_failure(&admin, &server).says(told);
    }
}

#[test]
fn answers_without_end_are_left() {
    let admin = admin("endless");
    let server = Http::serve(silence);
    expect_failure(&admin, &server).says("does not answer in time");
    let drip = |_, mut socket: TcpStream| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while socket.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(50));
        }
    };
    expect_failure(&admin, &Http::serve(drip)).says("does not answer in time");
    let flood = |_, mut socket: TcpStream| {
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while socket.write_all(&[b' '; 4096]).is_ok() {}
    };
    expect_failure(&admin, &Http::serve(flood)).says("its answer is too large");
}

#[test]
fn where_nothing_answers_the_plugin_is_named() {
    let admin = admin("no-api");
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let asked = status(env::shared(), &admin.queue, &["--management", &url]);
    let told = "nothing listens there; is the port right, and is the plugin enabled \
                (rabbitmq-plugins enable rabbitmq_management)?";
    spawn(asked).ended().expect(0).says(NOT_SHOWN).says(told);
}

#[test]
fn neither_proxies_nor_redirects_get_the_password() {
    let admin = admin("proxied");
    let other = Http::serve(|_, _| {});
    let to = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n",
        other.address
    );
    let server = Http::serve(move |_, mut socket| {
        let _ = socket.write_all(to.as_bytes());
    });
    let mut asked = status(
        env::shared(),
        &admin.queue,
        &["--management", &url(&server)],
    );
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ] {
        asked.env(name, format!("http://{}", other.address));
    }
    let told = "redirects (HTTP 302), which is not followed";
    spawn(asked).ended().expect(0).says(told);
    assert_eq!(other.requests(), [""; 0]);
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    let queue = admin.queue.replace('-', "%2D");
    let path = format!(
        "GET /api/queues/%2F/{queue}?disable_stats=true&enable_queue_totals=true HTTP/1.1\r\n"
    );
    assert!(request.starts_with(&path), "{request}");
    // `me:hunter2`
    let credentials = "authorization: Basic bWU6aHVudGVyMg==\r\n";
    assert!(
        request.to_lowercase().contains(&credentials.to_lowercase()),
        "{request}"
    );
}

#[test]
fn while_it_is_watched_a_failure_is_told_once_and_may_pass() {
    let admin = admin("watch-api");
    let server = Http::serve(|number, mut socket| {
        let answer = match number {
            0 | 1 => http("500 Oh", "{}"),
            _ => http("200 OK", "{\"messages_unacknowledged\":7}"),
        };
        let _ = socket.write_all(answer.as_bytes());
    });
    let arguments = [
        "--watch",
        "--log-format",
        "json",
        "--management",
        &url(&server),
    ];
    let mut watching = spawn(status(env::shared(), &admin.queue, &arguments));
    let mut event = watching.event("status");
    assert!(event["unacknowledged"].is_null(), "{event}");
    while event["unacknowledged"].is_null() {
        event = watching.event("status");
    }
    assert_eq!(event["unacknowledged"], 7);
    watching.signal(Signal::INT);
    let ended = watching.ended().expect(0);
    assert_eq!(ended.stderr.matches(NOT_SHOWN).count(), 1, "{ended}");
}

#[test]
fn ctrl_c_does_not_wait_for_an_answer() {
    let admin = admin("slow-api");
    let server = Http::serve(silence);
    let asked = status(
        env::shared(),
        &admin.queue,
        &["--management", &url(&server)],
    );
    let asking = spawn(asked);
    env::wait_for("the question", || {
        (!server.requests().is_empty()).then_some(())
    });
    let begun = Instant::now();
    asking.signal(Signal::INT);
    asking.ended().expect(130).says("interrupted while asking");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_password_is_not_among_the_arguments() {
    let admin = admin("ps-api");
    let server = Http::serve(silence);
    let joined = format!("--management={}", url(&server));
    for arguments in [&["--management", &url(&server)][..], &[&joined]] {
        let before = server.requests().len();
        let asking = spawn(status(env::shared(), &admin.queue, arguments));
        env::wait_for("the question", || {
            (server.requests().len() > before).then_some(())
        });
        let shown = std::fs::read(format!("/proc/{}/cmdline", asking.id())).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains("http://me:***@"), "{shown}");
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

#[test]
fn mistakes_are_told_at_once() {
    let mut idle = command("worker");
    idle.args(["--management", "http://me:hunter2@h", "--list-dead"]);
    let ended = spawn(idle).ended().expect(2);
    assert!(!ended.stderr.contains(PASSWORD), "{ended}");
    ended.says("--management is of use with --status alone");
    for url in [
        "http://me:hunter2#@h",
        "me:hunter2@h:15672",
        "amqp://me:hunter2@h",
    ] {
        let asked = status(env::shared(), "any", &["--management", url]);
        let ended = spawn(asked).ended().expect(78);
        assert!(!ended.stderr.contains(PASSWORD), "{ended}");
        ended.says("the URL of the management API cannot be used");
    }
    // The variable may be set for all commands, and is for --status alone.
    let admin = admin("no-status");
    let mut worker = command("worker");
    worker.args(["--url", &env::shared().url, "-q", &admin.queue]);
    worker
        .arg("--list-dead")
        .env("AMQP_MANAGEMENT_URL", "nonsense");
    spawn(worker).ended().expect(0);
}
