//! Queues that may not grow longer: `--max-backlog`.

use crate::env::{self, Admin, Gate, LongWay, Scratch};
use std::io::Write as _;
use std::time::{Duration, Instant};

fn numbers(count: u32) -> Scratch {
    Scratch::file("list", env::numbered(count))
}

#[test]
fn a_full_backlog_ends_the_send_at_once_unless_told_to_wait() {
    let broker = env::shared();
    let admin = Admin::new(broker, "limit");
    let (file, unsent) = (numbers(25), Scratch::path("unsent"));
    let arguments = [
        "-f",
        file.as_str(),
        "--unsent",
        unsent.as_str(),
        "--max-backlog",
        "10",
    ];
    env::new_task(broker, &admin.queue, &arguments)
        .expect(75)
        .says("10 tasks are waiting in queue")
        .says("use --backlog-timeout to wait")
        .says("sent 10, confirmed 10, failed 0, not sent 15");
    assert_eq!(admin.ready(), 10);
    assert_eq!(
        String::from_utf8(unsent.read()).unwrap().lines().count(),
        15
    );
    let waited = ["--max-backlog", "10", "--backlog-timeout", "300ms", "x"];
    env::new_task(broker, &admin.queue, &waited)
        .expect(75)
        .says("10 tasks are waiting in queue")
        .says("waited for 300ms (--backlog-timeout)");
    env::new_task(broker, &admin.queue, &["--max-backlog", "11", "x"]).expect(0);
    assert_eq!(admin.ready(), 11);
}

#[test]
fn a_bulk_send_goes_on_in_bites_while_the_queue_drains() {
    let broker = env::shared();
    let admin = Admin::new(broker, "bites");
    let arguments = ["-f", "-", "--max-backlog", "5", "--backlog-timeout", "1m"];
    let mut sending = env::piped(broker, &admin.queue, &arguments);
    let lines = env::numbered(40);
    let mut stdin = sending.stdin();
    stdin.write_all(lines.as_bytes()).unwrap();
    drop(stdin);
    sending.message("5 tasks are waiting in queue");
    assert_eq!(admin.ready(), 5);
    let gate = Gate::new();
    let options = ["--max-tasks", "40", "-j", "2"];
    let mut worker = env::worker_with(broker, &admin.queue, &options, &gate.before("true"));
    worker.event("received");
    worker.event("received");
    // Two are handed out, so that two more may come: no more than five are ever ready.
    admin.wait_for_ready(5);
    gate.open();
    sending
        .ended()
        .expect(0)
        .says("sent 40, confirmed 40, failed 0");
    assert_eq!(worker.ended().expect(0).events("done").len(), 40);
}

#[test]
fn a_long_queue_is_looked_at_ten_times_a_second_at_most() {
    let broker = env::shared();
    let admin = Admin::new(broker, "polls");
    admin.declare();
    admin.publish(&["ready"]);
    let trips = |timeout| {
        let way = LongWay::to(broker, Duration::ZERO);
        let mut command = env::command("new_task");
        command.args(["-u", &way.url, "-q", &admin.queue, "--max-backlog", "1"]);
        command.args(["--backlog-timeout", timeout, "x"]);
        let began = Instant::now();
        env::spawn(command).ended().expect(75);
        let tenths = u32::try_from(began.elapsed().as_millis() / 100).unwrap();
        (way.round_trips(), tenths)
    };
    let (one_look, _) = trips("0s");
    let (many_looks, tenths) = trips("1s");
    let looks = many_looks - one_look + 1;
    assert!((2..=tenths + 1).contains(&looks), "{looks} in {tenths}");
}
