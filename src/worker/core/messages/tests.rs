use super::super::testing::{moment, task};
use super::*;
use crate::worker::core::policy::Outcome;
use std::time::{Duration, UNIX_EPOCH};

fn author(test: impl FnOnce(Author<'_>)) {
    let queue = "q".parse().unwrap();
    test(Author {
        host: "host",
        queue: &queue,
        replies: &ReplyPolicy::new(&queue, Vec::new()),
    });
}

fn failed() -> Account {
    let outcome = Outcome {
        stderr: b"oops \xff".to_vec(),
        result: b"out".to_vec(),
        ..Outcome::from(Ending::Exit(3))
    };
    let now = UNIX_EPOCH + Duration::from_millis(1_000_070);
    Account::of(outcome, Duration::from_millis(70), now)
}

fn names(task: &Task) -> Vec<&str> {
    let names = task.properties.headers().map(|(name, _)| name);
    names.collect()
}

#[test]
fn a_dead_letter_tells_less_where_less_fits() {
    author(|author| {
        let dead = |detail| author.dead_letter(&task("x"), &failed(), detail, moment());
        let details = std::iter::successors(Some(Detail::Full), |detail| detail.less());
        let lengths: Vec<usize> = details.map(|detail| names(&dead(detail)).len()).collect();
        assert_eq!(lengths, [6, 5, 2, 0]);
        let dead = dead(Detail::Full);
        assert_eq!(dead.body, b"x");
        let header = |name| dead.properties.header(name);
        assert_eq!(header(headers::ERROR).as_deref(), Some("exit code 3"));
        assert_eq!(header(headers::STDERR).as_deref(), Some("oops \u{fffd}"));
        assert_eq!(header(headers::ATTEMPTS).as_deref(), Some("1"));
    });
}

#[test]
fn a_result_is_only_for_whoever_asked() {
    author(|author| {
        let result = |task, fate| author.result(&task, fate, &mut failed(), id(moment(), 1));
        assert!(result(task("x"), Fate::Done).is_none());
        let asked = super::super::testing::asking("x");
        let mut result = result(asked, Fate::DeadLettered).unwrap();
        assert_eq!(result.take().body, b"out");
        let header = |name| result.task.properties.header(name);
        assert_eq!(header("task-outcome").as_deref(), Some("dead-lettered"));
        assert_eq!(header("task-exit-code").as_deref(), Some("3"));
        assert_eq!(header("task-duration-ms").as_deref(), Some("70"));
        let started = header(headers::STARTED_AT);
        assert_eq!(started.as_deref(), Some("1000000"));
        let short = result.shortened().take();
        assert!(short.body.is_empty());
        let marked = short.properties.header("task-truncated");
        assert_eq!(marked.as_deref(), Some("true"));
    });
}

#[test]
fn a_clock_that_begins_in_1970_stops_nobody() {
    let outcome = Outcome::from(Ending::Exit(0));
    let mut account = Account::of(outcome, Duration::from_secs(9), UNIX_EPOCH);
    author(|author| {
        let asked = super::super::testing::asking("x");
        let id = id(moment(), 1);
        let result = author.result(&asked, Fate::Done, &mut account, id);
        let started = result.unwrap().task.properties.header(headers::STARTED_AT);
        assert_eq!(started.as_deref(), Some("0"));
    });
}

#[test]
fn ids_differ() {
    assert_ne!(id(moment(), 1), id(moment(), 2));
}

#[test]
fn a_task_that_is_handed_on_still_expires() {
    let mut task = task("x");
    task.properties = task.properties.with_expiration(7000);
    let copy = handed_on(&task);
    assert_eq!(copy.properties, task.properties);
}
