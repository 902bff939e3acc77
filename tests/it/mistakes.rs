//! Command lines that do not mean what they say, and the tips on them.

use crate::env::{self, Admin, Ended, Kind, command};

fn worker(arguments: &[&str]) -> Ended {
    let mut worker = command("worker");
    worker.args(arguments);
    env::spawn(worker).ended()
}

/// Runs a worker on `admin`'s queue until that is empty.
fn emptying(admin: &Admin, arguments: &[&str]) -> Ended {
    let url = &env::shared().url;
    let common = ["-u", url, "-q", &admin.queue, "--exit-when-empty"];
    worker(&[&common[..], arguments].concat())
}

#[test]
fn each_gets_the_tip_that_helps() {
    for (arguments, told) in [
        (
            &["convert.sh", "{}"][..],
            "tip: put `--` before the command: worker [OPTIONS] -- convert.sh",
        ),
        (&["--retry", "3"], "a similar argument exists"),
        (&["--"], "no COMMAND behind `--`"),
        (&["-j", "100000"], "it must be at most 65535"),
        (&["-j", "many"], "it must be a whole number"),
        (&["--", "sh", "-c", "convert {}"], "--body-as-code"),
        (&["--", "env", "A=b", "bash", "-ec", "{}"], "--body-as-code"),
        (&["--yes"], "--drop-dead"),
    ] {
        let ended = worker(arguments).expect(2).says(told);
        assert!(!ended.stderr.contains("Usage"), "{ended}");
    }
    // clap would have it made a command.
    let ended = worker(&["--bogus"]).expect(2).says("'--bogus'");
    assert!(!ended.stderr.contains("tip"), "{ended}");
}

#[test]
fn a_body_is_run_as_code_only_by_name() {
    let admin = Admin::with_queue(env::shared(), "code", Kind::Plain);
    admin.publish(&["echo one; echo two"]);
    let ended = emptying(&admin, &["--body-as-code", "--", "sh", "-c", "{}"]).expect(0);
    assert!(ended.stdout.contains("one\ntwo\n"), "{ended}");
}

#[test]
fn a_command_that_does_not_look_at_its_task_is_pointed_out_once() {
    let admin = Admin::with_queue(env::shared(), "ignored", Kind::Plain);
    let note = "note: the command did not read the task from its stdin; to have the task in its \
                arguments, write {}";
    for (command, times) in [
        (&["--", "echo"][..], 1),
        (&["--", "echo", "{}"], 0),
        (&["--", "cat"], 0),
        (&["--retries", "0", "--", "false"], 0),
    ] {
        admin.publish(&["x", "y"]);
        let ended = emptying(&admin, command).expect(0);
        assert_eq!(ended.stderr.matches(note).count(), times, "{ended}");
    }
}

#[test]
fn without_a_command_it_says_that_it_pretends() {
    let admin = Admin::with_queue(env::shared(), "pretends", Kind::Plain);
    let told = format!(
        "pretending to work 1ms per dot; tasks leave queue `{}`",
        admin.queue
    );
    emptying(&admin, &["--dot", "1ms"]).expect(0).says(&told);
    let quiet = emptying(&admin, &["--quiet"]).expect(0);
    assert_eq!(quiet.stderr, "");
}
