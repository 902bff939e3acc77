use super::super::headers;
use super::super::testing::{by_another_program, moment, task};
use super::*;

const UNNOTICED: Duration = Duration::from_secs(60);

fn completed() -> (Completed, Instant) {
    (Completed::new(UNNOTICED), moment().instant)
}

#[test]
fn each_stands_for_one_redelivery() {
    let (mut completed, now) = completed();
    let done = task("x");
    completed.comes_back(now, &done);
    assert!(!completed.take(now, &task("x")), "another id");
    assert!(completed.take(now, &done));
    assert!(!completed.take(now, &done));
}

#[test]
fn equal_tasks_by_other_programs_are_each_done() {
    let (mut completed, now) = completed();
    let equal = by_another_program("x");
    completed.comes_back(now, &equal);
    completed.acked(now, Arc::new(equal.clone()));
    completed.disconnected(now);
    assert!(!completed.take(now, &equal));
}

#[test]
fn a_retry_or_replay_is_another_task() {
    let (mut completed, now) = completed();
    let done = task("x");
    completed.comes_back(now, &done);
    let with = |name: &str| {
        let mut other = done.clone();
        other.properties = other.properties.with_header(name, "1".into());
        other
    };
    assert!(!completed.take(now, &with(headers::ATTEMPTS)));
    assert!(!completed.take(now, &with(headers::REPLAYS)));
    assert!(completed.take(now, &with("x-delivery-count")));
    completed.comes_back(now, &done);
    assert!(completed.take(now, &with(headers::REDELIVERIES)), "a copy");
}

#[test]
fn late_acknowledgements_count_only_for_a_while() {
    let (mut completed, now) = completed();
    let (small, large) = (task("x"), task(&"x".repeat(BODY_KEPT + 1)));
    completed.acked(now, Arc::new(small.clone()));
    completed.acked(now, Arc::new(large.clone()));
    assert!(!completed.take(now, &small), "the connection stands");
    completed.disconnected(now);
    assert!(completed.take(now, &small));
    assert!(completed.take(now, &large));

    completed.acked(now, Arc::new(small.clone()));
    completed.disconnected(now + UNNOTICED);
    assert!(!completed.take(now + UNNOTICED, &small));
}

#[test]
fn all_is_forgotten_a_while_after_the_connection_is_back() {
    let (mut completed, now) = completed();
    let hour = Duration::from_secs(3600);
    completed.disconnected(now);
    completed.comes_back(now, &task("gone"));
    let done = task("x");
    completed.comes_back(now, &done);
    let back = now + hour;
    completed.connected(back);
    assert!(completed.take(back + UNNOTICED, &done));
    completed.comes_back(back, &done);
    assert!(!completed.take(back + UNNOTICED + IN_THE_QUEUE, &done));
}

#[test]
fn memory_is_bounded() {
    let (mut completed, now) = completed();
    let tasks: Vec<Task> = (0..=REMEMBERED_MAX).map(|n| task(&n.to_string())).collect();
    for task in &tasks {
        completed.comes_back(now, task);
    }
    assert_eq!(completed.order.len(), REMEMBERED_MAX);
    assert_eq!(completed.remembered.len(), REMEMBERED_MAX);
    assert!(!completed.take(now, &tasks[0]));
    assert!(completed.take(now, &tasks[1]));
}
