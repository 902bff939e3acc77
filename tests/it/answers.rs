//! The outcome told to the client that waits for it, by direct reply-to.

use crate::env::{self, Admin, Answer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn ask(name: &str, options: &[&str], words: &[&str]) -> Answer {
    let broker = env::shared();
    let admin = Admin::new(broker, name);
    admin.declare();
    let asked = admin.ask("question");
    let mut all = options.to_vec();
    all.extend(["--exit-when-empty", "--"]);
    all.extend(words);
    env::worker(broker, &admin.queue, &all).ended().expect(0);
    asked.answer()
}

#[test]
fn the_answer_has_stdout_and_how_it_ended() {
    for slots in ["1", "2"] {
        let began = SystemTime::now();
        let answer = ask("done", &["-j", slots], &["sh", "-c", "cat; echo oops >&2"]);
        assert_eq!(answer.body, "question");
        assert_eq!(answer.correlation_id, "question");
        for (name, value) in [
            ("task-outcome", "done"),
            ("task-exit-code", "0"),
            ("task-stderr", "oops\n"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
        assert!(answer.headers.contains_key("task-host"));
        assert!(answer.headers["task-duration-ms"].parse::<u64>().is_ok());
        let since_1970 = answer.headers["task-started-at"].parse().unwrap();
        let started = UNIX_EPOCH + Duration::from_millis(since_1970);
        assert!(began <= started + Duration::from_millis(1) && started <= SystemTime::now());
    }
}

#[test]
fn only_the_final_outcome_is_told() {
    let options = ["--retries", "1", "--backoff", "50ms"];
    let answer = ask(
        "final",
        &options,
        &["sh", "-c", "echo $TASK_ATTEMPT; exit 7"],
    );
    assert_eq!(answer.body, "2\n");
    assert_eq!(answer.headers["task-outcome"], "dead-lettered");
    assert_eq!(answer.headers["task-exit-code"], "7");
    let answer = ask(
        "dropped",
        &["--on-failure", "drop"],
        &["sh", "-c", "kill -TERM $$"],
    );
    assert_eq!(answer.headers["task-outcome"], "dropped");
    assert_eq!(answer.headers["task-signal"], "15");
}

#[test]
fn a_task_cannot_make_the_worker_write_into_any_queue() {
    let broker = env::shared();
    let admin = Admin::new(broker, "reply");
    let other = Admin::new(broker, "victim");
    admin.declare();
    other.declare();
    admin.publish_with_reply_to("x", &other.queue);
    let ended = env::worker(
        broker,
        &admin.queue,
        &["--exit-when-empty", "--", "echo", "y"],
    )
    .ended();
    assert_eq!(ended.expect(0).events("done").len(), 1);
    assert_eq!(other.ready(), 0);
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_holds_nothing_up() {
    let broker = env::shared();
    let admin = Admin::new(broker, "gone");
    admin.declare();
    drop(admin.ask("question"));
    let ended = env::worker(broker, &admin.queue, &["--exit-when-empty", "--", "cat"]).ended();
    assert_eq!(ended.expect(0).events("done").len(), 1);
    assert_eq!(admin.ready(), 0);
}
