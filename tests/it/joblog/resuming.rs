//! `--resume` and `--resume-failed`.

use super::{HEADER, numbers};
use crate::env::{self, Admin, Gate, Scratch, asking, wait_for, words, worker_with};
use std::io::Write as _;
use std::process::Command;

#[test]
fn after_a_kill_only_what_has_no_line_is_sent_again() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-kill");
    let gate = Gate::new();
    let command = gate.before("true");
    let script = format!(
        "read n; test $n -le 3 || {{ {}; }}; echo $n; test $n != 2",
        command[2]
    );
    let words = words(&["sh", "-c", &script, gate.path()]);
    let options = ["-j", "2", "--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &words);
    let file = Scratch::file("list", "1\n\n2\n3\n4\n5\n6\n");
    let log = Scratch::path("log");
    let arguments = ["-f", file.as_str(), "--joblog", log.as_str(), "-k"];
    let mut first = asking(broker, &admin.queue, &arguments);
    wait_for("three lines", || {
        let is_begun = std::fs::exists(log.as_str()).unwrap();
        (is_begun && log.read().ends_with(b"\t3\n")).then_some(())
    });
    first.kill();
    // As if it had been killed in the middle of a line, which then does not count.
    let mut end = std::fs::OpenOptions::new()
        .append(true)
        .open(log.as_str())
        .unwrap();
    end.write_all(b"4\thost\t17").unwrap();
    gate.open();
    let arguments = [&arguments[..], &["--resume"]].concat();
    let ended = asking(broker, &admin.queue, &arguments).ended().expect(0);
    let ended = ended
        .says("is cut off and does not count")
        .says("sent 3, confirmed 3, failed 0, skipped 3; outcomes: done 3, failed 0");
    assert_eq!(ended.stdout, "4\n5\n6\n");
    assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 6]);
    // Nothing is left but what failed.
    let ended = asking(broker, &admin.queue, &arguments).ended().expect(0);
    ended.says("sent 0, confirmed 0, failed 0, skipped 6");
    let arguments = [&arguments[..arguments.len() - 1], &["--resume-failed"]].concat();
    let ended = asking(broker, &admin.queue, &arguments).ended().expect(1);
    assert_eq!(
        ended
            .says("sent 1, confirmed 1, failed 0, skipped 5")
            .stdout,
        "2\n"
    );
    assert_eq!(numbers(&log), [1, 2, 3, 4, 5, 6, 2]);
}

#[test]
fn results_stay_in_order_where_tasks_are_left_out() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-order");
    let script = "read n; sleep 0.0$((5 - n % 5)); echo $n; test $n != 7 || test -e \"$0\"";
    let repaired = Scratch::path("repaired");
    let words = words(&["sh", "-c", script, repaired.as_str()]);
    let options = ["-j", "4", "--on-failure", "drop"];
    let _worker = worker_with(broker, &admin.queue, &options, &words);
    let log = Scratch::path("log");
    // The list comes by a pipe, and more of it the second time.
    let send = |list: &str, code| {
        let arguments = [
            "--wait",
            "-f",
            "-",
            "-k",
            "--joblog",
            log.as_str(),
            "--resume-failed",
        ];
        let mut running = env::piped(broker, &admin.queue, &arguments);
        running.stdin().write_all(list.as_bytes()).unwrap();
        running.ended().expect(code).stdout
    };
    assert_eq!(send(&env::numbered(10), 1), env::numbered(10));
    std::fs::write(repaired.as_str(), "").unwrap();
    assert_eq!(send(&env::numbered(13), 0), "7\n11\n12\n13\n");
    assert_eq!(send(&env::numbered(13), 0), "");
    let seen = numbers(&log);
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7, 11, 12, 13]);
}

#[test]
fn by_the_log_of_another_list_nothing_is_sent() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-other");
    admin.declare();
    let line =
        |number, command| format!("{number}\thost\t1.000\t     0.003\t1\t1\t0\t0\t{command}\n");
    let log = format!("{HEADER}\n{}{}", line(3, "three"), line(1, "one"));
    let too_long = format!("{log}{}", line(5, "five"));
    let lists = [
        (
            "one\ntwo\nother\nfour\n",
            &log,
            "it has another task 3 than the list, where that is `other`",
        ),
        (
            "one\ntwo\nthree\nfour\n",
            &too_long,
            "it has a task 5, and the list ends with 4",
        ),
        (
            "zero\none\ntwo\nthree\n",
            &log,
            "it has another task 1 than the list",
        ),
        (
            "one\ntwo\nthree\n",
            &"a,b\n".to_owned(),
            "its first line does not name the columns",
        ),
        (
            "one\ntwo\nthree\n",
            &format!("{log}garbage\n"),
            "line 4 has other columns",
        ),
    ];
    for (list, content, why) in lists {
        let file = Scratch::file("list", list);
        let log = Scratch::file("log", content);
        for path in [file.as_str(), "-"] {
            let arguments = ["--wait", "-f", path, "--joblog", log.as_str(), "--resume"];
            let mut running = env::piped(broker, &admin.queue, &arguments);
            // It may have ended before it reads.
            let _ = running.stdin().write_all(list.as_bytes());
            running.ended().expect(78).says(why);
            assert_eq!(log.read(), content.as_bytes());
        }
    }
    assert_eq!(admin.ready(), 0);
}

#[test]
fn a_disk_that_is_full_ends_the_run_and_the_log_stays_good() {
    let broker = env::shared();
    let admin = Admin::new(broker, "joblog-full");
    let _worker = worker_with(broker, &admin.queue, &[], &words(&["cat"]));
    let bodies: Vec<String> = (1..=20).map(|n| format!("{n:0>200}")).collect();
    let list = bodies.join("\n") + "\n";
    let file = Scratch::file("list", &list);
    let log = Scratch::path("log");
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_new_task")]);
    command.args(["-u", &broker.url, "-q", &admin.queue, "--wait", "-k"]);
    command.args(["-f", file.as_str(), "--joblog", log.as_str()]);
    let ended = env::spawn(command).ended().expect(74);
    let told = ended.stderr.matches("cannot write to the log").count();
    assert_eq!(told, 1, "{ended}");
    let written = String::from_utf8_lossy(&log.read()).matches('\n').count() - 1;
    assert!((1..20).contains(&written), "{written} lines");
    let arguments = [
        "-f",
        file.as_str(),
        "--joblog",
        log.as_str(),
        "--resume",
        "-k",
    ];
    asking(broker, &admin.queue, &arguments)
        .ended()
        .expect(0)
        .says(&format!("skipped {written};"));
    assert_eq!(numbers(&log), (1..=20).collect::<Vec<_>>());
}
