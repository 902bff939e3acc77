//! Runs that stop when they have seen enough (`--halt`), and those that are not far ahead.

use crate::env::{self, Admin, Gate, Scratch, asking, sh, wait_for, words, worker_with};
use std::io::Write as _;

#[test]
fn soon_waits_for_what_is_sent_and_sends_no_more() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-soon");
    let script = "read n; echo $n; test $n != 2";
    let _worker = worker_with(broker, &admin.queue, &["--on-failure", "drop"], &sh(script));
    let file = Scratch::file("list", env::numbered(50));
    let rest = Scratch::path("rest");
    let arguments = ["-f", file.as_str(), "-k", "--halt", "soon,fail=1"];
    let more = ["--ahead", "3", "--unsent", rest.as_str()];
    let ended = asking(broker, &admin.queue, &[&arguments[..], &more].concat()).ended();
    let ended = ended
        .expect(1)
        .says("1 task failed (--halt); sending no more tasks, waiting for ")
        .says(", unanswered 0;");
    // With the second result, one has been answered before and three are sent at most.
    let done: Vec<&str> = ended.stdout.lines().collect();
    assert!((3..=4).contains(&done.len()), "{ended}");
    assert_eq!(admin.ready(), 0);
    let all = env::numbered(50);
    let left: Vec<&str> = all.lines().skip(done.len()).collect();
    assert_eq!(rest.read(), (left.join("\n") + "\n").as_bytes());
}

#[test]
fn now_waits_for_no_result() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-now");
    let gate = Gate::new();
    let command = gate.before("true");
    let script = format!("read n; test $n != 1 || exit 7; {}", command[2]);
    let options = ["-j", "2", "--on-failure", "drop"];
    let words = words(&["sh", "-c", &script, gate.path()]);
    let mut worker = worker_with(broker, &admin.queue, &options, &words);
    let file = Scratch::file("list", env::numbered(9));
    let rest = Scratch::path("rest");
    let arguments = ["-f", file.as_str(), "--halt", "now,fail=1"];
    let more = ["--ahead", "4", "--unsent", rest.as_str()];
    let ended = asking(broker, &admin.queue, &[&arguments[..], &more].concat())
        .ended()
        .expect(1)
        .says("1 task failed (--halt); sending no more tasks, not waiting for results")
        .says("3 results are still to be collected: new_task -q ")
        .says("sent 4, confirmed 4, failed 0, not sent 5")
        .says("outcomes: done 0, failed 1, unanswered 3");
    assert_eq!(rest.read(), b"5\n6\n7\n8\n9\n");
    // What was sent is done all the same.
    gate.open();
    let mut done: Vec<_> = (2..=4)
        .map(|_| worker.event("done")["body"].to_string())
        .collect();
    done.sort_unstable();
    assert_eq!(done, ["\"2\"", "\"3\"", "\"4\""]);
    // And its results wait.
    let (_, name) = ended.stderr.split_once(" --collect ").unwrap();
    let name = name.lines().next().unwrap();
    env::new_task(broker, &admin.queue, &["--collect", name])
        .expect(0)
        .says("collected 3: done 3, failed 0");
}

#[test]
fn enough_is_enough_while_stdin_is_open() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-open");
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let arguments = ["--wait", "-f", "-", "--halt", "now,done=2"];
    let mut waiting = env::piped(broker, &admin.queue, &arguments);
    let mut stdin = waiting.stdin();
    stdin.write_all(b"1\n2\n").unwrap();
    waiting.message("2 tasks ended (--halt)");
    waiting.ended().expect(0);
}

#[test]
fn enough_successes_are_a_success() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-success");
    let options = ["--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &sh("read n; test $n != 1"));
    let file = Scratch::file("list", env::numbered(20));
    let arguments = [
        "-f",
        file.as_str(),
        "--halt",
        "soon,success=2",
        "--ahead",
        "1",
    ];
    asking(broker, &admin.queue, &arguments)
        .ended()
        .expect(0)
        .says("sent 3, confirmed 3")
        .says("outcomes: done 2, failed 1");
}

#[test]
fn percentages_are_of_the_whole_list() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-percent");
    let options = ["--on-failure", "drop"];
    let _worker = worker_with(
        broker,
        &admin.queue,
        &options,
        &sh("read n; echo $n; exit 1"),
    );
    let list = env::numbered(8);
    let file = Scratch::file("list", &list);
    let halt = ["--halt", "soon,fail=25%", "--ahead", "1", "-f"];
    let stdin = ["--wait", "-"];
    for path in [file.as_str(), "-"] {
        let arguments = [&halt[..], &[path, stdin[0]]].concat();
        let mut waiting = env::piped(broker, &admin.queue, &arguments);
        waiting.stdin().write_all(list.as_bytes()).unwrap();
        let ended = waiting.ended().expect(1).says("sent 2, confirmed 2");
        assert_eq!(ended.stdout, "1\n2\n");
    }
}

#[test]
fn all_results_may_come_before_it_is_enough() {
    let broker = env::shared();
    let admin = Admin::new(broker, "halt-never");
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let file = Scratch::file("list", env::numbered(300));
    for halt in ["soon,fail=1", "never", "soon,done=300"] {
        let arguments = ["-f", file.as_str(), "--halt", halt, "-k"];
        let ended = asking(broker, &admin.queue, &arguments).ended().expect(0);
        let ended = ended.says("outcomes: done 300, failed 0, unanswered 0");
        assert!(!ended.stderr.contains("sending no more"), "{ended}");
    }
}

#[test]
fn who_is_far_ahead_misses_workers_and_gives_up_too() {
    let broker = env::shared();
    let admin = Admin::new(broker, "ahead");
    let arguments = ["--wait", "-f", "-", "--ahead", "2"];
    let timeout = ["--wait-timeout", "4s"];
    let mut waiting = env::piped(broker, &admin.queue, &[&arguments[..], &timeout].concat());
    let mut stdin = waiting.stdin();
    stdin.write_all(b"1\n2\n3\n").unwrap();
    waiting.message("no worker is on queue");
    wait_for("two tasks in the queue", || {
        (admin.ready() == 2).then_some(())
    });
    waiting
        .ended()
        .expect(75)
        .says("no result arrived for 4s")
        .says("sent 2, confirmed 2");
    drop(stdin);
    assert_eq!(admin.ready(), 2);
}

#[test]
fn what_it_does_not_mean_is_told() {
    for (arguments, why) in [
        (
            &["--wait", "-f", "-", "--halt", "soon"][..],
            "it should look like",
        ),
        (&["--wait", "--halt", "soon,fail=1"], "--file <FILE>"),
        (
            &["--wait", "--halt", "soon,fail=1", "x"],
            "cannot be used with",
        ),
        (&["-f", "-", "--halt", "soon,fail=1"], "--wait"),
        (&["-f", "-", "--ahead", "1"], "--wait"),
    ] {
        let mut command = env::command("new_task");
        command.args(arguments);
        env::spawn(command).ended().expect(2).says(why);
    }
}
