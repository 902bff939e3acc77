use super::super::testing::moment;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_stop_goes_from_gentle_to_forced() {
    let now = moment().instant;
    let mut stopping = Stopping::default();
    assert!(stopping.begin(now, Reason::Signal, Some(SECOND)));
    assert!(!stopping.begin(now, Reason::Idle, None));
    assert_eq!(stopping.due(now), Then::Wait);
    let mut at = stopping.wakes_at().unwrap();
    assert_eq!((at, stopping.due(at)), (now + SECOND, Then::GraceIsOver));
    stopping.force(at, 5 * SECOND);
    assert_eq!(stopping.due(at), Then::Wait);
    at = stopping.wakes_at().unwrap();
    assert_eq!((at, stopping.due(at)), (now + 6 * SECOND, Then::Kill));
    stopping.kill(at);
    assert_eq!(stopping.due(at), Then::Wait);
    at = stopping.wakes_at().unwrap();
    assert_eq!(stopping.due(at), Then::Leave);
    assert!(matches!(stopping.end().reason, Reason::Interrupted));
}

#[test]
fn what_fails_on_the_way_is_how_it_ends() {
    let now = moment().instant;
    let mut stopping = Stopping::default();
    stopping.begin(now, Reason::Signal, None);
    stopping.failed(Fault::new(Kind::SetUp, "first"));
    stopping.failed(Fault::new(Kind::Lost, "second"));
    let end = stopping.end();
    assert!(matches!(end.reason, Reason::Failed));
    assert_eq!(end.fault.unwrap().to_string(), "first");
}

#[test]
fn messages_are_waited_for_a_while() {
    let now = moment().instant;
    let mut stopping = Stopping::default();
    stopping.begin(now, Reason::Signal, None);
    assert!(stopping.waits_for_messages(now));
    assert_eq!(stopping.wakes_at(), Some(now + SETTLING_LIMIT));
    assert!(!stopping.waits_for_messages(now + SETTLING_LIMIT));
}
