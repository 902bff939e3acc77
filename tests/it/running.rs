//! `worker -- COMMAND`: how commands are run.

use crate::env::{self, Admin, Ended, command, spawn};

/// Runs a worker over all tasks in the queue, in text mode.
fn run(admin: &Admin, options: &[&str], words: &[&str]) -> Ended {
    let mut worker = command("worker");
    worker.args([
        "-u",
        &env::shared().url,
        "-q",
        &admin.queue,
        "--exit-when-empty",
    ]);
    worker.args(options).arg("--").args(words);
    spawn(worker).ended()
}

fn with_tasks(name: &str, bodies: &[&str]) -> Admin {
    let admin = Admin::new(env::shared(), name);
    admin.declare();
    admin.publish(bodies);
    admin
}

#[test]
fn the_body_is_on_stdin_and_in_place_of_braces() {
    let admin = with_tasks("body", &["a b;c"]);
    let ended = run(
        &admin,
        &["--quiet"],
        &["sh", "-c", "cat; echo \" $0 $1\"", "x={}", "{}{}"],
    );
    assert_eq!(ended.expect(0).stdout, "a b;c x=a b;c a b;ca b;c\n");
}

#[test]
fn no_shell_sees_the_body() {
    let admin = with_tasks("shell", &["$(touch owned); `id` | cat > x"]);
    let ended = run(&admin, &["--quiet"], &["printf", "%s", "{}"]).expect(0);
    assert_eq!(ended.stdout.trim_end(), "$(touch owned); `id` | cat > x");
}

#[test]
fn the_environment_tells_of_the_task_and_not_of_the_broker() {
    let broker = env::shared();
    let admin = Admin::new(broker, "environment");
    let id = ["--id", "job-7", "--priority", "3"];
    let arguments = [&id[..], &["-H", "Content-Kind=a b", "x"]].concat();
    env::new_task(broker, &admin.queue, &arguments).expect(0);
    let mut worker = command("worker");
    worker
        .env("AMQP_URL", &broker.url)
        .env("AMQP_MANAGEMENT_URL", "http://guest@localhost")
        .env("TASK_QUEUE", &admin.queue)
        .env("TASK_DATABASE", "db1");
    worker.args(["--exit-when-empty", "--quiet", "-j", "2", "--", "env"]);
    let ended = spawn(worker).ended().expect(0);
    for line in [
        "TASK_ID=job-7",
        &format!("TASK_QUEUE={}", admin.queue),
        "TASK_ATTEMPT=1",
        "TASK_REDELIVERED=0",
        "TASK_PRIORITY=3",
        "TASK_HEADER_CONTENT_KIND=a b",
        "TASK_DATABASE=db1",
        "WORKER_SLOT=1",
    ] {
        assert!(
            ended.stdout.lines().any(|other| other == line),
            "{line}\n{ended}"
        );
    }
    assert!(ended.stdout.contains("TASK_TIMESTAMP="), "{ended}");
    assert!(!ended.stdout.contains("AMQP_"), "{ended}");
    assert!(!ended.stdout.contains("guest"), "{ended}");
}

#[test]
fn commands_may_read_all_half_or_nothing_of_large_bodies() {
    let broker = env::shared();
    let admin = Admin::new(broker, "large");
    let path = std::env::temp_dir().join(env::unique("body"));
    // The limit of RabbitMQ 4 is 16 MiB; 100 MB pass where the broker takes them.
    for size in [0, 1, 65_536, 65_537, 15_000_000] {
        std::fs::write(&path, vec![b'x'; size]).unwrap();
        for (words, expected) in [
            (&["wc", "-c"][..], size.to_string()),
            (
                &["sh", "-c", "head -c 10 | wc -c"],
                size.min(10).to_string(),
            ),
            (
                &["sh", "-c", "exec 0<&-; sleep 0.05; echo closed"],
                "closed".to_owned(),
            ),
            (&["true"], String::new()),
        ] {
            let sent = env::new_task(
                broker,
                &admin.queue,
                &["--body-file", path.to_str().unwrap()],
            );
            sent.expect(0);
            let ended = run(&admin, &["--quiet"], words).expect(0);
            assert_eq!(
                ended.stdout.trim(),
                expected,
                "{size} bytes to {words:?}\n{ended}"
            );
        }
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(admin.ready_in(&format!("{}.dead", admin.queue)), 0);
}

#[test]
fn a_command_that_cannot_be_run_is_told_before_a_task_is_taken() {
    let admin = with_tasks("missing", &["x"]);
    for (word, why) in [
        ("no-such-program", "not found in PATH"),
        ("/no/such/program", "No such file"),
        ("/etc/passwd", "not executable"),
        ("/etc", "directory"),
    ] {
        run(&admin, &[], &[word])
            .expect(78)
            .says(&format!("cannot run `{word}`"))
            .says(why);
    }
    assert_eq!(admin.ready(), 1);
}

#[test]
fn a_command_that_goes_missing_stops_the_worker_and_keeps_the_task() {
    let admin = with_tasks("vanished", &["1", "2"]);
    let script = std::env::temp_dir().join(env::unique("script"));
    std::fs::copy("/bin/sh", &script).unwrap();
    let path = script.to_str().unwrap();
    run(&admin, &[], &[path, "-c", "rm \"$0\"", path])
        .expect(78)
        .says("it was there when");
    admin.wait_for_ready(1);
}

#[test]
fn a_body_that_cannot_be_an_argument_is_a_dead_letter_with_that_reason() {
    let broker = env::shared();
    let admin = Admin::new(broker, "argument");
    let path = std::env::temp_dir().join(env::unique("body"));
    for (body, reason) in [
        (vec![b'a', 0, b'b'], "NUL byte"),
        (vec![b'x'; 3 << 20], "too long"),
    ] {
        std::fs::write(&path, body).unwrap();
        let sent = env::new_task(
            broker,
            &admin.queue,
            &["--body-file", path.to_str().unwrap()],
        );
        sent.expect(0);
        let ended = run(&admin, &["--log-format", "json"], &["echo", "{}"]).expect(0);
        let dead = &ended.events("dead_lettered")[0];
        assert!(dead["error"].as_str().unwrap().contains(reason), "{dead}");
        assert!(ended.events("retried").is_empty());
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn output_of_slots_does_not_mix_within_a_task() {
    let bodies: Vec<String> = (0..8).map(|number| format!("task{number}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let admin = with_tasks("mixed", &bodies);
    let script = "read body; for i in 1 2 3 4 5; do echo $body $i; sleep 0.02; done";
    let ended = run(&admin, &["-j", "4", "--quiet"], &["sh", "-c", script]).expect(0);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 40, "{ended}");
    for task in lines.chunks(5) {
        let (body, _) = task[0].split_once(' ').unwrap();
        let expected: Vec<String> = (1..=5).map(|i| format!("{body} {i}")).collect();
        assert_eq!(task, expected, "{ended}");
    }
}

#[test]
fn what_a_command_writes_stands_between_the_lines_of_its_task() {
    let bodies: Vec<String> = (0..300).map(|number| format!("task{number}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    // A slot begins tasks that are here by itself, before that is told.
    let admin = with_tasks("between", &bodies);
    let ended = run(&admin, &["-p", "100"], &["echo", "{}"]).expect(0);
    let told = bodies
        .iter()
        .map(|body| format!(" [x] Received {body}\n{body}\n [x] Done\n"));
    let waiting = " [*] Waiting for messages. To exit press CTRL+C\n".to_owned();
    let expected: String = [waiting].into_iter().chain(told).collect();
    assert_eq!(ended.stdout, expected);
}

#[test]
fn much_output_passes_whole() {
    for slots in ["1", "2"] {
        let admin = with_tasks("output", &["x"]);
        let script =
            "head -c 5000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2";
        let ended = run(&admin, &["-j", slots, "--quiet"], &["sh", "-c", script]).expect(0);
        assert_eq!(ended.stdout.trim_end().len(), 5_000_000, "-j {slots}");
        assert_eq!(ended.stderr.trim_end().len(), 3_000_000, "-j {slots}");
    }
}

#[test]
fn in_json_mode_stdout_has_only_events() {
    for slots in ["1", "2"] {
        let admin = with_tasks("json", &["x"]);
        let options = ["-j", slots, "--log-format", "json"];
        let ended = run(&admin, &options, &["sh", "-c", "echo out; echo err >&2"]).expect(0);
        assert_eq!(ended.events("done").len(), 1);
        let ended = ended.says("out\n");
        ended.says("err\n");
    }
}

#[test]
fn no_file_descriptor_leaks_into_commands() {
    let admin = with_tasks("descriptors", &["1", "2"]);
    let script = "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done";
    let ended = run(&admin, &["--quiet", "-j", "2"], &["sh", "-c", script]).expect(0);
    // What the test itself was given, and what the shell opens.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", script]);
    let mut expected = spawn(shell).ended().expect(0).stdout;
    expected = expected.repeat(2);
    assert_eq!(ended.stdout, expected, "{ended}");
}

#[test]
fn a_grandchild_that_holds_the_pipes_does_not_hold_the_worker() {
    let admin = with_tasks("daemon", &["x"]);
    let gate = env::Gate::new();
    let script = "until [ -e \"$0\" ]; do sleep 0.02; done & echo $!";
    let ended = run(
        &admin,
        &["-j", "2", "--quiet"],
        &["sh", "-c", script, gate.path()],
    );
    let grandchild = ended.expect(0).stdout;
    let status = format!("/proc/{}/status", grandchild.trim());
    assert!(std::path::Path::new(&status).exists(), "{grandchild}");
}

#[test]
fn slots_run_commands_at_the_same_time() {
    let admin = with_tasks("slots", &["1", "2", "3", "4"]);
    let directory = std::env::temp_dir().join(env::unique("slots"));
    std::fs::create_dir(&directory).unwrap();
    // Each ends only when all four have begun.
    let script = "cd \"$0\" && : > $1 && until [ -e 1 ] && [ -e 2 ] && [ -e 3 ] && [ -e 4 ]; \
                  do sleep 0.02; done";
    let words = ["sh", "-c", script, directory.to_str().unwrap(), "{}"];
    let ended = run(&admin, &["-j", "4"], &words).expect(0);
    assert_eq!(ended.stdout.matches("[x] Done").count(), 4, "{ended}");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn acknowledgements_that_go_together_leave_out_what_still_runs() {
    let broker = env::shared();
    let admin = Admin::new(broker, "together");
    admin.declare();
    let short: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    let mut bodies: Vec<&str> = short.iter().map(String::as_str).collect();
    bodies.insert(3, "long.");
    admin.publish(&bodies);
    let options = ["-j", "2", "-p", "60", "--dot", "60s"];
    let mut worker = env::worker(broker, &admin.queue, &options);
    for _ in &short {
        worker.event("done");
    }
    // Only then is a worker killed that had a moment to acknowledge.
    admin.wait_for_unsettled(broker, 1);
    worker.kill();
    admin.wait_for_ready(1);
    assert_eq!(admin.get().unwrap().0, b"long.");
}

#[test]
fn a_worker_that_stops_acknowledges_what_waited_for_company() {
    let admin = with_tasks("company", &["1", "2", "3", "4", "5"]);
    let ended = run(&admin, &["-p", "100", "--max-tasks", "3"], &["cat"]).expect(0);
    assert_eq!(ended.stdout.matches("[x] Done").count(), 3, "{ended}");
    admin.wait_for_ready(2);
}
