//! What is read from a file, and shown meanwhile.

use crate::env::{self, Admin, Scratch};
use std::collections::BTreeSet;
use std::io::Write as _;

#[test]
fn each_line_is_a_task() {
    let broker = env::shared();
    let admin = Admin::new(broker, "lines");
    let file = Scratch::file("list", b"one\n\ntwo\r\n\xff\xfe three\n  four ");
    env::new_task(broker, &admin.queue, &["--file", file.as_str()])
        .expect(0)
        .says("sent 4, confirmed 4, failed 0");
    let expected: [&[u8]; 4] = [b"one", b"two", b"\xff\xfe three", b"  four "];
    assert_eq!(admin.bodies(), expected);
}

#[test]
fn records_may_end_in_nul_and_come_from_stdin() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nul");
    let mut sending = env::piped(broker, &admin.queue, &["-0f", "-", "--log-format", "json"]);
    let mut stdin = sending.stdin();
    // A slow producer's tasks are sent as they come.
    stdin.write_all(b"a\nb\0\0c").unwrap();
    admin.declare();
    admin.wait_for_ready(1);
    stdin.write_all(b"d\0").unwrap();
    admin.wait_for_ready(2);
    drop(stdin);
    let summary = &sending.ended().expect(0).events("summary")[0];
    assert_eq!(summary["confirmed"], 2);
    assert_eq!(summary["sent"], 2);
    let expected: [&[u8]; 2] = [b"a\nb", b"cd"];
    assert_eq!(admin.bodies(), expected);
}

#[test]
fn properties_are_those_of_every_task_but_each_has_its_own_id() {
    let broker = env::shared();
    let admin = Admin::new(broker, "ids");
    let file = Scratch::file("list", "a\nb\n");
    let arguments = ["-f", file.as_str(), "-H", "colour=red", "--priority", "3"];
    env::new_task(broker, &admin.queue, &arguments).expect(0);
    let mut ids = BTreeSet::new();
    while let Some((_, properties)) = admin.get() {
        assert!(format!("{:?}", properties.headers()).contains("colour"));
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(*properties.priority(), Some(3));
        ids.insert(properties.message_id().clone().unwrap());
    }
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_large_record_between_small_ones_arrives_whole() {
    let broker = env::shared();
    let admin = Admin::new(broker, "large-record");
    let large: Vec<u8> = (b' '..=b'~').cycle().take(5_000_000).collect();
    let content = [b"small\n".as_slice(), &large, b"\nlast"].concat();
    let file = Scratch::file("list", content);
    env::new_task(
        broker,
        &admin.queue,
        &["-f", file.as_str(), "--window", "3"],
    )
    .expect(0);
    let bodies = admin.bodies();
    assert_eq!(bodies.len(), 3);
    env::assert_same(&bodies[1], &large);
}

#[test]
fn unusable_files() {
    let broker = env::shared();
    let queue = env::unique("files");
    env::new_task(broker, &queue, &["-f", "/no/such/list"])
        .expect(74)
        .says("cannot read /no/such/list");
    env::new_task(broker, &queue, &["-f", "/"])
        .expect(74)
        .says("cannot read /: is a directory");
    let file = Scratch::file("list", "a\n");
    let same = ["-f", file.as_str(), "--unsent", file.as_str()];
    env::new_task(broker, &queue, &same)
        .expect(78)
        .says("names the file that the tasks come from");
    assert_eq!(file.read(), b"a\n");
    let unwritable = ["-f", file.as_str(), "--unsent", "/no/such/directory/x"];
    env::new_task(broker, &queue, &unwritable)
        .expect(74)
        .says("cannot write to /no/such/directory/x");
    for both in [
        &["-f", file.as_str(), "word"][..],
        &["-f", "-", "--body-file", "-"],
        &["-0", "word"],
        &["--unsent", "x", "word"],
        &["-f", file.as_str(), "--id", "one"],
        &["-f", file.as_str(), "--window", "0"],
    ] {
        env::new_task(broker, &queue, both).expect(2);
    }
}

#[test]
fn an_empty_file_is_no_task() {
    let broker = env::shared();
    let queue = env::unique("empty");
    env::new_task(broker, &queue, &["-f", "/dev/null"])
        .expect(0)
        .says("sent 0, confirmed 0, failed 0");
    Admin::new(broker, "x").delete_queue(&queue);
}

#[test]
fn memory_stays_flat_however_long_the_input() {
    let broker = env::shared();
    let admin = Admin::new(broker, "flat");
    let mut sending = env::piped(broker, &admin.queue, &["-f", "-"]);
    let mut stdin = sending.stdin();
    let peak = |lines: u32, stdin: &mut dyn std::io::Write| {
        for number in 0..lines {
            writeln!(stdin, "{number} resize photo.jpg").unwrap();
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", sending.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let digits = line.unwrap().chars().filter(char::is_ascii_digit);
        digits.collect::<String>().parse::<u32>().unwrap()
    };
    let early = peak(20_000, &mut stdin);
    let late = peak(80_000, &mut stdin);
    assert!(late < 32_000, "{late} KiB");
    assert!(late < early + 4_000, "{early} KiB, then {late} KiB");
    drop(stdin);
    sending
        .ended()
        .expect(0)
        .says("sent 100000, confirmed 100000, failed 0");
}

#[test]
fn progress_is_drawn_on_a_terminal() {
    let broker = env::shared();
    let admin = Admin::new(broker, "bar");
    let lines = env::numbered(20_000);
    let file = Scratch::file("list", lines);
    let line = format!(
        "{} -u {} -q {} -f {}",
        env!("CARGO_BIN_EXE_new_task"),
        broker.url,
        admin.queue,
        file.as_str()
    );
    let mut command = std::process::Command::new("script");
    command.args(["-qec", &line, "/dev/null"]);
    command.stdin(std::process::Stdio::null());
    let ended = env::spawn(command).ended().expect(0);
    let shown = &ended.stdout;
    assert!(shown.contains("% ") || shown.contains("%,"), "{ended}");
    assert!(
        shown.contains(" left: sent ") && shown.contains("confirmed"),
        "{ended}"
    );
    assert!(
        shown.contains("sent 20000, confirmed 20000, failed 0"),
        "{ended}"
    );
}
