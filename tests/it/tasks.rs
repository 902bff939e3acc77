//! What is sent and how it is shown: bodies, properties, JSON events.

use crate::env::{self, Admin, Running, command, spawn};
use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

#[test]
fn properties_arrive_as_they_were_given() {
    let broker = env::shared();
    let admin = Admin::new(broker, "properties");
    let arguments = [
        "--priority",
        "7",
        "--ttl",
        "1h",
        "-H",
        "colour=red",
        "-H",
        "empty=",
        "--id",
        "job-1",
        "--content-type",
        "text/plain",
        "two",
        "words",
    ];
    env::new_task(broker, &admin.queue, &arguments).expect(0);
    let (body, properties) = admin.get().unwrap();
    assert_eq!(body, b"two words");
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(*properties.priority(), Some(7));
    assert_eq!(properties.expiration().as_deref(), Some("3600000"));
    assert_eq!(properties.message_id().as_deref(), Some("job-1"));
    assert_eq!(properties.content_type().as_deref(), Some("text/plain"));
    assert!(properties.timestamp().is_some());
    let headers = format!("{:?}", properties.headers());
    assert!(
        headers.contains("colour") && headers.contains("empty"),
        "{headers}"
    );
}

#[test]
fn bodies_may_be_any_bytes_from_none_to_many() {
    let broker = env::shared();
    let admin = Admin::new(broker, "bytes");
    let path = std::env::temp_dir().join(env::unique("body"));
    let all: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    for body in [&b""[..], b"\0\xff\n", &all] {
        std::fs::write(&path, body).unwrap();
        env::new_task(
            broker,
            &admin.queue,
            &["--body-file", path.to_str().unwrap()],
        )
        .expect(0);
        env::assert_same(&admin.get().unwrap().0, body);
    }
    std::fs::remove_file(&path).unwrap();

    let mut raw = command("new_task");
    raw.args(["-u", &broker.url, "-q", &admin.queue]);
    raw.arg(OsStr::from_bytes(b"caf\xe9")).arg("x");
    let sent = spawn(raw).ended().expect(0);
    assert_eq!(sent.stdout, " [x] Sent caf\\xe9 x\n");
    assert_eq!(admin.get().unwrap().0, b"caf\xe9 x");
}

#[test]
fn a_body_can_come_from_stdin() {
    let broker = env::shared();
    let admin = Admin::new(broker, "stdin");
    let mut command = command("new_task");
    command.args(["-u", &broker.url, "-q", &admin.queue, "--body-file", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a\nb\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(admin.get().unwrap().0, b"a\nb\n");
}

#[test]
fn what_a_body_holds_cannot_reach_the_terminal() {
    let broker = env::shared();
    let admin = Admin::new(broker, "escapes");
    let evil = "\x1b]0;owned\x07\nnext\r";
    let sent = env::new_task(broker, &admin.queue, &[evil]).expect(0);
    assert_eq!(sent.stdout, " [x] Sent \\x1b]0;owned\\x07\\nnext\\r\n");
    let mut command = command("worker");
    command.args(["-u", &broker.url, "-q", &admin.queue, "--exit-when-empty"]);
    let ended = spawn(command).ended().expect(0);
    assert!(!ended.stdout.contains(['\x1b', '\x07', '\r']), "{ended}");
}

#[test]
fn json_events_bear_the_exact_body() {
    let broker = env::shared();
    let admin = Admin::new(broker, "json");
    let sent = env::new_task(broker, &admin.queue, &["--log-format", "json", "a\tb"]).expect(0);
    let sent = &sent.events("sent")[0];
    assert_eq!(sent["body"], "a\tb");
    let path = std::env::temp_dir().join(env::unique("body"));
    std::fs::write(&path, b"\xff\0").unwrap();
    env::new_task(
        broker,
        &admin.queue,
        &["--body-file", path.to_str().unwrap()],
    )
    .expect(0);
    std::fs::remove_file(&path).unwrap();
    let ended = env::worker(broker, &admin.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    let done = ended.events("done");
    assert_eq!(done[0]["id"], sent["id"]);
    assert_eq!(done[0]["attempt"], 1);
    assert_eq!(done[1]["body_base64"], "/wA=");
    assert!(humantime::parse_rfc3339(done[0]["time"].as_str().unwrap()).is_ok());
    assert!(done[0]["worker"].as_str().unwrap().contains(':'));
    let stopped = &ended.events("stopped")[0];
    assert_eq!(
        (&stopped["done"], &stopped["reason"]),
        (&2.into(), &"empty".into())
    );
}

#[test]
fn settings_can_come_from_the_environment() {
    let broker = env::shared();
    let admin = Admin::new(broker, "environment");
    let mut sent = command("new_task");
    sent.env("AMQP_URL", &broker.url)
        .env("TASK_QUEUE", &admin.queue)
        .arg("x");
    spawn(sent).ended().expect(0);
    assert_eq!(admin.ready(), 1);
}

#[test]
fn quiet_leaves_errors_alone() {
    let broker = env::shared();
    let admin = Admin::new(broker, "quiet");
    let ended = env::new_task(broker, &admin.queue, &["--quiet", "x"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    let ended = env::new_task(broker, "nix", &["--quiet", "--no-declare", "x"]).expect(75);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.lines().count()),
        ("", 1)
    );
}

#[test]
fn an_interrupted_send_says_so() {
    let mut command = command("new_task");
    command.args(["-u", "amqp://localhost:1", "--retry-for", "forever", "x"]);
    let mut sending: Running = spawn(command);
    sending.message("retrying");
    sending
        .stopped()
        .expect(130)
        .says("interrupted while connecting");
}

#[test]
fn priorities_are_kept_on_a_queue_that_has_them() {
    let broker = env::shared();
    let admin = Admin::new(broker, "priorities");
    for (priority, body) in [("0", "low"), ("5", "high"), ("3", "middle")] {
        let arguments = ["--max-priority", "5", "--priority", priority, body];
        env::new_task(broker, &admin.queue, &arguments).expect(0);
    }
    let options = ["--max-priority", "5", "--exit-when-empty"];
    let ended = env::worker(broker, &admin.queue, &options)
        .ended()
        .expect(0);
    assert_eq!(ended.bodies("done"), ["high", "middle", "low"]);
}

#[test]
fn a_task_whose_time_to_live_is_over_is_gone() {
    let broker = env::shared();
    let admin = Admin::new(broker, "ttl");
    env::new_task(broker, &admin.queue, &["--ttl", "100ms", "x"]).expect(0);
    admin.wait_for_ready(0);
}
