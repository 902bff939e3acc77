//! The tutorial's own programs, in Python and PHP, together with ours, both ways.

use crate::env::{self, Admin, Broker, Kind};
use std::process::Command;

/// A tutorial program of `tests/interop`, on `queue`.
fn tutorial(language: &str, program: &str, broker: &Broker, queue: &str) -> Command {
    let directory = env::root().join("tests/interop");
    let mut command = if language == "pika" {
        let python = env::root().join("target/venv/bin/python3");
        assert!(
            python.exists(),
            "run scripts/setup test: it installs pika in target/venv"
        );
        let mut command = Command::new(python);
        command.arg(directory.join("pika").join(format!("{program}.py")));
        command
    } else {
        let mut command = Command::new("php");
        command.arg(directory.join("php").join(format!("{program}.php")));
        command
    };
    let (_, address) = broker.url.rsplit_once('@').unwrap();
    let (host, port) = address.split('/').next().unwrap().rsplit_once(':').unwrap();
    command
        .env("AMQP_HOST", host)
        .env("AMQP_PORT", port)
        .env("TASK_QUEUE", queue)
        .env("PYTHONUNBUFFERED", "1");
    command
}

/// Their producer to our worker and our producer to theirs, on one queue.
fn exchange(language: &str, kind: Kind) {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, language, kind);
    let run = |program| {
        let mut command = tutorial(language, program, broker, &admin.queue);
        if matches!(kind, Kind::Quorum) {
            command.env("TASK_QUEUE_TYPE", "quorum");
        }
        command
    };
    let mut theirs = run("new_task");
    theirs.args(["From", language]);
    let sent = env::spawn(theirs).ended().expect(0);
    assert_eq!(sent.stdout.trim_end(), format!(" [x] Sent From {language}"));
    let ours = env::worker(broker, &admin.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    assert_eq!(ours.bodies("done"), [format!("From {language}")]);

    env::new_task(broker, &admin.queue, &["From us"]).expect(0);
    let mut theirs = env::spawn(run("worker"));
    assert_eq!(
        theirs.line(),
        " [*] Waiting for messages. To exit press CTRL+C"
    );
    assert_eq!(theirs.line(), " [x] Received From us");
    assert_eq!(theirs.line(), " [x] Done");
    admin.wait_for_unsettled(broker, 0);
}

#[test]
fn lesson_12_pika() {
    exchange("pika", Kind::Plain);
}

#[test]
fn lesson_12_pika_with_a_quorum_queue() {
    exchange("pika", Kind::Quorum);
}

#[test]
fn lesson_12_php_amqplib() {
    exchange("php", Kind::Plain);
}

/// The clients of the tutorial on RPC, as they are; our worker is the server.
fn rpc(language: &str) {
    let broker = env::shared();
    let admin = Admin::new(broker, "rpc");
    admin.declare();
    let fib = "read n || :; a=0; b=1; while [ $n -gt 0 ]; do \
               t=$((a + b)); a=$b; b=$t; n=$((n - 1)); done; echo $a";
    let words = ["sh", "-c", fib].map(str::to_owned);
    let _server = env::worker_with(broker, &admin.queue, &[], &words);
    let mut client = tutorial(language, "rpc_client", broker, &admin.queue);
    client.args(["30", "10"]);
    let said = env::spawn(client).ended().expect(0).stdout;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines,
        [
            " [x] Requesting fib(30)",
            " [.] Got 832040",
            " [x] Requesting fib(10)",
            " [.] Got 55",
        ]
    );
}

#[test]
fn the_tutorial_on_rpc_pika() {
    rpc("pika");
}

#[test]
fn the_tutorial_on_rpc_php_amqplib() {
    rpc("php");
}

/// Shows the trace that a command is in.
const SHOW: &str = "echo \"$TRACEPARENT $TRACESTATE $BAGGAGE\"";

/// From their producer to a command, and on to the tasks that the command sends.
#[test]
fn a_trace_goes_through() {
    let broker = env::shared();
    let admin = Admin::new(broker, "trace");
    let second = Admin::new(broker, "trace-on");
    admin.declare();
    let mut theirs = tutorial("pika", "traced", broker, &admin.queue);
    let trace = [
        (
            "TRACEPARENT",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("TRACESTATE", "vendor=t61rcWkgMzE"),
        ("BAGGAGE", "userId=alice,serverNode=DF%2028"),
    ];
    theirs.envs(trace).arg("first");
    env::spawn(theirs).ended().expect(0);
    // A trace of the worker's own is none of a task's.
    let pass_on = format!("{SHOW}; exec \"$0\" --url \"$1\" -q \"$2\" second >&2");
    let program = env!("CARGO_BIN_EXE_new_task");
    let words = ["sh", "-c", &pass_on, program, &broker.url, &second.queue];
    let worker = |queue: &str, words: &[&str]| {
        let mut worker = env::command("worker");
        worker.args(["--url", &broker.url, "-q", queue, "--exit-when-empty", "--"]);
        worker
            .args(words)
            .env("TRACEPARENT", "00-worker")
            .env("BAGGAGE", "of=worker");
        env::spawn(worker).ended().expect(0).stdout
    };
    let expected = trace.map(|(_, value)| value).join(" ");
    assert!(worker(&admin.queue, &words).contains(&expected));
    let show = ["sh", "-c", SHOW];
    assert!(worker(&second.queue, &show).contains(&expected));
    // What the user sets counts, and a task without a trace has none.
    let mut ours = env::command("new_task");
    ours.args(["--url", &broker.url, "-q", &second.queue, "third"]);
    ours.args(["-H", "traceparent=00-mine", "-H", "baggage=b"])
        .envs(trace);
    env::spawn(ours).ended().expect(0);
    assert!(worker(&second.queue, &show).contains("00-mine  b\n"));
    env::new_task(broker, &second.queue, &["fourth"]).expect(0);
    let unset = "test -z \"${TRACEPARENT+x}${TRACESTATE+x}${BAGGAGE+x}\" && echo none";
    assert!(worker(&second.queue, &["sh", "-c", unset]).contains("none"));
}
