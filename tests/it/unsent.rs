//! What could not be sent: `--unsent`.

use crate::env::{self, Admin, Kind, Running, Scratch, wait_for};
use rustix::process::Signal;
use std::io::Write as _;
use std::process::ChildStdin;

/// A send from stdin to a queue that takes no more than `room` of these lines. stdin stays open.
fn stuck(what: &str, room: i64, lines: &str) -> (Admin, Scratch, Running, ChildStdin) {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, what, Kind::Full(room));
    let unsent = Scratch::path("unsent");
    let arguments = ["-f", "-", "--unsent", unsent.as_str(), "--no-declare"];
    let mut sending = env::piped(broker, &admin.queue, &arguments);
    let mut stdin = sending.stdin();
    stdin.write_all(lines.as_bytes()).unwrap();
    sending.message("is full or unavailable");
    (admin, unsent, sending, stdin)
}

#[test]
fn what_was_not_confirmed_is_kept_to_be_sent_later() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "unsent", Kind::Full(3));
    let file = Scratch::file("list", b"1\n2\r\n3\n4\r\n\n5 \xff\n6");
    let unsent = Scratch::path("unsent");
    let arguments = [
        "-f",
        file.as_str(),
        "--unsent",
        unsent.as_str(),
        "--no-declare",
        "--confirm-timeout",
        "1s",
    ];
    env::new_task(broker, &admin.queue, &arguments)
        .expect(75)
        .says("is full or unavailable; gave up after 1s")
        .says("sent 6, confirmed 3, failed 3; the 3 unconfirmed are in ");
    assert_eq!(unsent.read(), b"4\r\n5 \xff\n6\n");
    assert_eq!(admin.bodies(), [b"1", b"2", b"3"]);
    let rest = Scratch::path("rest");
    let resume = [
        "-f",
        unsent.as_str(),
        "--unsent",
        rest.as_str(),
        "--no-declare",
    ];
    env::new_task(broker, &admin.queue, &resume).expect(0);
    assert!(rest.read().is_empty());
    let expected: [&[u8]; 3] = [b"4", b"5 \xff", b"6"];
    assert_eq!(admin.bodies(), expected);
}

#[test]
fn after_ctrl_c_the_rest_of_the_input_is_kept_as_well() {
    let (_admin, unsent, sending, mut stdin) = stuck("interrupted", 2, "1\n2\n3\n4\n");
    sending.signal(Signal::INT);
    // What was under way is in the file before the rest is read.
    wait_for("the tasks under way in the file", || {
        (unsent.read() == b"3\n4\n").then_some(())
    });
    stdin.write_all(b"5\n6").unwrap();
    drop(stdin);
    sending
        .ended()
        .expect(130)
        .says("interrupted")
        .says("sent 4, confirmed 2, failed 2, not sent 2; the 4 unconfirmed are in ");
    assert_eq!(unsent.read(), b"3\n4\n5\n6\n");
}

#[test]
fn a_disk_that_is_full_is_told() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "disk", Kind::Full(1));
    let file = Scratch::file("list", "1\n2\n3\n");
    let arguments = [
        "-f",
        file.as_str(),
        "--unsent",
        "/dev/full",
        "--no-declare",
        "--confirm-timeout",
        "200ms",
    ];
    env::new_task(broker, &admin.queue, &arguments)
        .expect(75)
        .says("2 unconfirmed tasks could not be written to /dev/full: No space left");
}

#[test]
fn what_may_be_the_only_copy_is_not_emptied_by_a_mistake() {
    let broker = env::shared();
    let queue = env::unique("mistake");
    let file = Scratch::file("list", "1\n");
    let unsent = Scratch::file("unsent", "precious\n");
    let arguments = [
        "-f",
        file.as_str(),
        "--unsent",
        unsent.as_str(),
        "--password-file",
        "/no/such/file",
    ];
    env::new_task(broker, &queue, &arguments).expect(78);
    assert_eq!(unsent.read(), b"precious\n");
}

#[test]
fn two_signals_at_once_are_one() {
    let (_admin, unsent, mut sending, mut stdin) = stuck("timeout", 1, "1\n2\n");
    // As `timeout` does: the child, and then its group.
    let pid = rustix::process::Pid::from_raw(i32::try_from(sending.id()).unwrap()).unwrap();
    for _ in 0..2 {
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
    }
    sending.message("copying the rest of the input to");
    stdin.write_all(b"3\n").unwrap();
    drop(stdin);
    sending.ended().expect(130).says("not sent 1");
    assert_eq!(unsent.read(), b"2\n3\n");
}

#[test]
fn the_second_ctrl_c_leaves_the_rest_of_the_input() {
    let (_admin, unsent, mut sending, _stdin) = stuck("leave", 1, "1\n2\n");
    sending.signal(Signal::INT);
    sending.message("Press Ctrl+C to skip this");
    sending.signal(Signal::INT);
    sending
        .ended()
        .expect(130)
        .says("the rest of the input is not in")
        .says("sent 2, confirmed 1, failed 1");
    assert_eq!(unsent.read(), b"2\n");
}

#[test]
fn without_its_queue_nothing_is_sent_and_nothing_lost() {
    let broker = env::shared();
    let queue = env::unique("missing");
    let file = Scratch::file("list", "1\n2\n");
    let unsent = Scratch::path("unsent");
    let arguments = [
        "-f",
        file.as_str(),
        "--unsent",
        unsent.as_str(),
        "--no-declare",
    ];
    env::new_task(broker, &queue, &arguments)
        .expect(75)
        .says("there is no queue");
    assert_eq!(unsent.read(), b"1\n2\n");
}
