//! The outcome of tasks as `new_task --wait` tells it.

use crate::env::{
    self, Admin, Broker, Gate, Kind, Scratch, asking, sh, wait_for, words, worker_with,
};
use rustix::process::Signal;
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn the_tasks_output_and_exit_code_become_the_commands_own() {
    let broker = env::shared();
    let admin = Admin::new(broker, "wait");
    let script = "read n; echo \"got $n\"; printf 'end\\377' ; echo oops >&2; exit $n";
    let options = ["--on-failure", "dead-letter"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh(script));
    let ended = asking(broker, &admin.queue, &["0"]).ended().expect(0);
    assert_eq!(ended.stdout, "got 0\nend\u{fffd}\n");
    assert!(ended.stderr.contains(" [x] Sent 0\n"), "{ended}");
    assert!(ended.stderr.contains("oops\n"), "{ended}");
    let ended = asking(broker, &admin.queue, &["7"]).ended().expect(7);
    assert!(ended.stdout.starts_with("got 7\n"), "{ended}");
    ended.says("was dead-lettered on").says("exit code 7");
}

#[test]
fn a_signal_is_told_as_shells_do() {
    let broker = env::shared();
    let admin = Admin::new(broker, "signal");
    let options = ["--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh("kill -TERM $$"));
    asking(broker, &admin.queue, &["x"])
        .ended()
        .expect(128 + 15)
        .says("was dropped on");
}

#[test]
fn a_worker_without_a_command_answers_too() {
    let broker = env::shared();
    let admin = Admin::new(broker, "dots");
    let _worker = env::worker(broker, &admin.queue, &["--dot", "1ms"]);
    let ended = asking(broker, &admin.queue, &["x.."]).ended().expect(0);
    assert_eq!(ended.stdout, "");
}

#[test]
fn outcomes_come_in_the_order_of_the_tasks_over_three_workers() {
    let broker = env::shared();
    let admin = Admin::new(broker, "order");
    // The later a task of five, the sooner it is done.
    let script = "read n; sleep 0.0$((5 - n % 5)); echo $((n * n))";
    let workers: Vec<_> = (0..3)
        .map(|_| worker_with(broker, &admin.queue, &["-j", "2"], &sh(script)))
        .collect();
    let lines = env::numbered(60);
    let file = Scratch::file("list", lines);
    let ended = asking(broker, &admin.queue, &["-f", file.as_str(), "-k"]).ended();
    let ended = ended
        .expect(0)
        .says("outcomes: done 60, failed 0, unanswered 0");
    let expected: Vec<String> = (1..=60_u32).map(|n| (n * n).to_string()).collect();
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected);
    drop(workers);
}

#[test]
fn one_failure_among_many_is_told_and_counts() {
    let broker = env::shared();
    let admin = Admin::new(broker, "one-of-many");
    let script = "read n; echo $n; test $n != 2";
    let options = ["--on-failure", "dead-letter"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh(script));
    let file = Scratch::file("list", "1\n2\n3\n");
    let text = asking(broker, &admin.queue, &["-f", file.as_str(), "-k"]).ended();
    let text = text.expect(1).says("outcomes: done 2, failed 1");
    assert_eq!(text.stdout, "1\n2\n3\n");
    let arguments = ["-f", file.as_str(), "--log-format", "json"];
    let json = asking(broker, &admin.queue, &arguments).ended().expect(1);
    let results = json.events("result");
    assert_eq!(results.len(), 3);
    let failed = results
        .iter()
        .find(|result| result["exit_code"] == 1)
        .unwrap();
    assert_eq!(failed["outcome"], "dead-lettered");
    assert_eq!(failed["stdout"], "2\n");
    assert!(failed["duration_ms"].is_u64() && failed["host"].is_string());
    assert_eq!(json.events("summary")[0]["outcomes_failed"], 1);
}

#[test]
fn without_a_worker_the_wait_ends_and_the_task_stays() {
    let broker = env::shared();
    let admin = Admin::new(broker, "nobody");
    asking(broker, &admin.queue, &["--wait-timeout", "300ms", "x"])
        .ended()
        .expect(75)
        .says("1 result is still to be collected: new_task -q ")
        .says("no result arrived for 300ms (--wait-timeout)");
    assert_eq!(admin.ready(), 1);
}

#[test]
fn without_a_results_queue_a_broken_connection_loses_results_and_says_so() {
    let broker = Broker::private("", "");
    let queue = env::unique("broken");
    let gate = Gate::new();
    let mut worker = worker_with(&broker, &queue, &[], &gate.before("cat"));
    let file = Scratch::file("list", "1\n2\n3\n");
    Admin::new(&broker, "x").declare_named(&queue);
    let waiting = ["-f", file.as_str(), "-k", "-v", "--no-declare"];
    let mut waiting = asking(&broker, &queue, &waiting);
    worker.event("received");
    Admin::new(&broker, "x").wait_for_ready_in(&queue, 2);
    broker.ctl(&["-q", "close_all_connections", "--global", "on purpose"]);
    waiting.message("3 tasks are in the queue; their results will not arrive here");
    let line = waiting.message("these are ");
    let ids = line.split(", ").count();
    assert_eq!(ids, 3, "{line}");
    waiting
        .ended()
        .expect(75)
        .says("on purpose")
        .says("outcomes: done 0, failed 0, unanswered 3");
    gate.open();
    worker.event("reconnected");
    worker.event_of("done", "3");
}

#[test]
fn a_broken_connection_loses_no_result() {
    let broker = Broker::private("", "");
    let queue = env::unique("mended");
    let gate = Gate::new();
    let mut worker = worker_with(&broker, &queue, &[], &gate.before("cat"));
    let file = Scratch::file("list", "1\n2\n3\n");
    let mut waiting = asking(&broker, &queue, &["-f", file.as_str(), "-k"]);
    worker.event("received");
    Admin::new(&broker, "x").wait_for_ready_in(&queue, 2);
    broker.ctl(&["-q", "close_all_connections", "--global", "on purpose"]);
    waiting.message("on purpose");
    gate.open();
    let ended = waiting.ended().expect(0);
    let ended = ended.says("outcomes: done 3, failed 0, unanswered 0");
    assert_eq!(ended.stdout, "123\n");
    let left = broker.ctl(&["-q", "list_queues", "name"]);
    assert!(!left.contains(".results."), "{left}");
}

#[test]
fn ctrl_c_leaves_the_results_to_another_command() {
    let broker = env::shared();
    let admin = Admin::new(broker, "impatient");
    let mut waiting = asking(broker, &admin.queue, &["x"]);
    waiting.message(" [x] Sent x");
    waiting.signal(Signal::INT);
    let said = waiting.ended().expect(130).stderr;
    assert_eq!(admin.ready(), 1);
    let (_, name) = said.split_once(" --collect ").unwrap();
    let name = name.lines().next().unwrap();
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let collected = env::new_task(broker, &admin.queue, &["--collect", name]);
    assert_eq!(collected.expect(0).stdout, "x\n");
}

#[test]
fn a_results_queue_that_is_deleted_is_told() {
    let broker = env::shared();
    let admin = Admin::new(broker, "deleted");
    admin.declare();
    let mut waiting = asking(broker, &admin.queue, &["x"]);
    waiting.message(" [x] Sent x");
    let (_, properties) = admin.get().unwrap();
    admin.delete_queue(&properties.reply_to().clone().unwrap());
    let ended = waiting.ended().expect(75);
    let ended = ended.says("the results queue was deleted");
    ended.says("the task is in the queue; its result will not arrive here");
}

#[test]
fn who_may_not_declare_a_results_queue_waits_without_one() {
    let broker = env::shared();
    let admin = Admin::new(broker, "narrow");
    let only = format!("^{}$", admin.queue);
    let name = env::unique("user");
    let all = ".*";
    broker.add_users([(name.as_str(), "secret", [only.as_str(), all, all])]);
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let url = broker.url_with(&format!("{name}:secret"), "");
    let mut command = env::command("new_task");
    command.args(["-u", &url, "-q", &admin.queue, "--wait", "x"]);
    let ended = env::spawn(command).ended().expect(0);
    let ended = ended.says("without a results queue, results are lost if the connection breaks");
    assert_eq!(ended.stdout, "x\n");
    broker.delete_users([name.as_str()]);
}

#[test]
fn a_full_queue_costs_no_outcome() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "full-wait", Kind::Full(2));
    let file = Scratch::file("list", env::numbered(12));
    let arguments = ["-f", file.as_str(), "-k", "--no-declare"];
    let mut waiting = asking(broker, &admin.queue, &arguments);
    waiting.message("is full or unavailable");
    let options = [
        "--no-declare",
        "--on-failure",
        "drop",
        "--max-redeliveries",
        "0",
    ];
    let _worker = worker_with(broker, &admin.queue, &options, &words(&["cat"]));
    let ended = waiting.ended().expect(0);
    let ended = ended.says("outcomes: done 12, failed 0, unanswered 0");
    assert_eq!(ended.stdout.trim_end(), "123456789101112");
}

#[test]
fn a_task_that_is_too_large_is_told_as_without_waiting() {
    let broker = Broker::private("max_message_size = 100000\n", "");
    let queue = env::unique("large-wait");
    let file = Scratch::file("list", format!("1\n{}\n3\n", "x".repeat(100_001)));
    let _worker = worker_with(&broker, &queue, &[], &words(&["cat"]));
    asking(&broker, &queue, &["-f", file.as_str()])
        .ended()
        .expect(75)
        .says("task 2: the body is larger than the broker takes")
        .says("sent 3, confirmed 2, failed 1");
    asking(&broker, &queue, &["--body-file", file.as_str()])
        .ended()
        .expect(75)
        .says("the body is larger than the broker takes");
}

#[test]
fn a_reader_that_goes_away_ends_the_wait() {
    let broker = env::shared();
    let admin = Admin::new(broker, "reader");
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let mut command = std::process::Command::new("sh");
    let script = "\"$0\" -u \"$1\" -q \"$2\" -f - --wait | { exec <&-; echo gone >&2; }";
    command.args(["-c", &format!("( {script} ); echo over")]);
    command.args([env!("CARGO_BIN_EXE_new_task"), &broker.url, &admin.queue]);
    command.stdin(Stdio::piped());
    let mut running = env::spawn(command);
    let mut stdin = running.stdin();
    running.message("gone");
    // stdin stays open: it is not the end of the input that ends the command.
    writeln!(stdin, "1").unwrap();
    // Quietly, as `head` wants it.
    let said = running.message("");
    let (_, name) = said.split_once(" --collect ").unwrap();
    let said = running.message("");
    assert!(said.starts_with("sent 1, confirmed 1"), "{said}");
    assert_eq!(running.line(), "over");
    // What could not be printed is not lost.
    let collected = env::new_task(broker, &admin.queue, &["--collect", name]);
    assert_eq!(collected.expect(0).stdout, "1\n");
}

/// Results that wait for their turn are not acknowledged, so more than the prefetch wait for the one
/// that is missing, and that twice.
#[test]
fn a_second_gap_does_not_stop_the_results() {
    let broker = env::shared();
    let admin = Admin::new(broker, "gaps");
    let gates = [env::Gate::new(), env::Gate::new()];
    let script = "read -r n; case $n in a) gate=$1;; b) gate=$2;; *) gate=/;; esac; \
                  until [ -e \"$gate\" ]; do sleep 0.02; done; echo $n";
    let words = env::words(&["sh", "-c", script, "sh", gates[0].path(), gates[1].path()]);
    let mut workers = [(); 2].map(|()| worker_with(broker, &admin.queue, &[], &words));
    let numbers = env::numbered(150);
    let list = format!("a\n{numbers}b\n{numbers}");
    let file = env::Scratch::file("list", &list);
    let mut asking = asking(broker, &admin.queue, &["-f", file.as_str(), "-k"]);
    // Either may have the first task; the other one comes to the second gate.
    let results = format!("{}.results.", admin.queue);
    let waiting = |count: u32| {
        wait_for(&format!("{count} results"), || {
            let listed = broker.ctl(&["-q", "list_queues", "name", "messages"]);
            let line = listed.lines().find(|line| line.starts_with(&results))?;
            (line.split_whitespace().nth(1)?.parse::<u32>().ok()? >= count).then_some(())
        });
    };
    waiting(150);
    gates[0].open();
    for expected in list.lines().take_while(|line| *line != "b") {
        assert_eq!(asking.line(), expected);
    }
    waiting(150);
    gates[1].open();
    let ended = asking.ended().expect(0);
    assert_eq!(ended.stdout, list);
    for worker in &mut workers {
        worker.kill();
    }
}
