//! Faults in the middle.

use crate::env::{self, Admin, Broker, Kind, Scratch, wait_for};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn a_full_queue_takes_the_rest_when_there_is_room() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "room", Kind::Full(3));
    let lines: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    let file = Scratch::file("list", lines.join("\n"));
    let mut sending = env::piped(
        broker,
        &admin.queue,
        &["-f", file.as_str(), "--no-declare", "--window", "10"],
    );
    drop(sending.stdin());
    sending.message("is full or unavailable; resending");
    let options = ["--no-declare", "--dot", "0s", "--max-tasks", "40"];
    let worker = env::worker(broker, &admin.queue, &options);
    sending
        .ended()
        .expect(0)
        .says("sent 40, confirmed 40, failed 0");
    let mut done = worker.ended().expect(0).bodies("done");
    done.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(done, lines);
}

#[test]
fn a_queue_that_is_deleted_meanwhile_is_declared_again() {
    let broker = env::shared();
    let admin = Admin::new(broker, "deleted");
    let mut sending = env::piped(broker, &admin.queue, &["-f", "-"]);
    let mut stdin = sending.stdin();
    stdin.write_all(b"gone\n").unwrap();
    admin.declare();
    admin.wait_for_ready(1);
    admin.delete();
    stdin.write_all(b"a\nb\n").unwrap();
    sending.message("was deleted");
    drop(stdin);
    sending
        .ended()
        .expect(0)
        .says("sent 3, confirmed 3, failed 0");
    assert_eq!(admin.bodies(), [b"a", b"b"]);
}

#[test]
fn a_task_that_is_too_large_does_not_hold_up_the_others() {
    let broker = Broker::private("max_message_size = 100000\n", "");
    let admin = Admin::new(&broker, "too-large");
    let large = "x".repeat(100_001);
    let lines: Vec<String> = (1..=40)
        .map(|number| match number % 2 {
            0 => large.clone(),
            _ => number.to_string(),
        })
        .collect();
    let file = Scratch::file("list", lines.join("\n"));
    let unsent = Scratch::path("unsent");
    let arguments = ["-f", file.as_str(), "--unsent", unsent.as_str()];
    env::new_task(&broker, &admin.queue, &arguments)
        .expect(75)
        .says("task 2: the body is larger than the broker takes")
        .says("sent 40, confirmed 20, failed 20");
    env::assert_same(&unsent.read(), format!("{large}\n").repeat(20));
    let sent = admin.bodies();
    let found: BTreeSet<_> = sent.iter().cloned().collect();
    assert_eq!(found.len(), 20);
    // The first refusal closes the channel, so that what came before is sent again; then no more.
    assert!(sent.len() <= 22, "{}", sent.len());
}

#[test]
fn events_that_cannot_be_written_are_an_error() {
    let broker = env::shared();
    let admin = Admin::new(broker, "full-stdout");
    let script = "printf '1\\n' | \"$0\" -u \"$1\" -q \"$2\" -f - --log-format json > /dev/full";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_new_task")]);
    command.args([&broker.url, &admin.queue]);
    env::spawn(command)
        .ended()
        .expect(74)
        .says("cannot write to stdout");
}

#[test]
fn a_bulk_send_survives_whatever_happens_to_the_broker() {
    let broker = Broker::private("", "");
    let queue = env::unique("survives");
    let mut sending = env::piped(&broker, &queue, &["-f", "-", "--retry-for", "1m"]);
    // Lines are written all the while, so that every fault hits a send in the middle. They are long,
    // so that few fit into the pipe: while the broker takes nothing the writer waits.
    let (stop, written) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let mut stdin = sending.stdin();
    let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
    let writer = thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            for _ in 0..20 {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                writeln!(stdin, "{number:0>500}").unwrap();
            }
            thread::sleep(Duration::from_millis(20));
        }
    });
    let more = || {
        let enough = written.load(Ordering::SeqCst) + 500;
        wait_for("more lines", || {
            (written.load(Ordering::SeqCst) > enough).then_some(())
        });
    };
    more();
    broker.ctl(&[
        "-q",
        "close_all_connections",
        "--global",
        "tested on purpose",
    ]);
    sending.message("tested on purpose");
    more();
    for _ in 0..2 {
        broker.script("kill");
        sending.message("retrying");
        broker.script("start");
        more();
    }
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.00001"]);
    sending.message("accepts no tasks for now (low on memory)");
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
    sending.message("accepts tasks again");
    more();
    stop.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    let count = written.load(Ordering::SeqCst);
    let summary = format!("sent {count}, confirmed {count}, failed 0");
    sending.ended().expect(0).says(&summary);
    let options = ["--dot", "0s", "-p", "500", "--exit-when-empty"];
    let done = env::worker(&broker, &queue, &options).ended().expect(0);
    let done: BTreeSet<u32> = done
        .bodies("done")
        .iter()
        .map(|body| body.parse().unwrap())
        .collect();
    let lost: Vec<u32> = (1..=count)
        .filter(|number| !done.contains(number))
        .collect();
    assert!(lost.is_empty(), "of {count}: {lost:?}");
}
