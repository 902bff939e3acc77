use super::super::age::YOUTH;
use super::*;
use crate::base::fault::{Kind, Reply};
use crate::base::refusal::explain;

fn differs(argument: &str) -> Fault {
    let text = format!(
        "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue 'q' in vhost '/': \
         received 'a' but current is 'b'"
    );
    explain(Reply { code: 406, text })
}

fn missing() -> Fault {
    let text = "NOT_FOUND - no queue 'q' in vhost '/'".to_owned();
    explain(Reply { code: 404, text })
}

/// Does what is wanted, which must be this.
fn ask(declaration: &mut Declaration, form: Form) {
    assert_eq!(declaration.wants(), Some(form));
    declaration.asked();
    assert_eq!(declaration.wants(), None);
}

#[test]
fn a_quorum_queue_is_young_when_it_is_made_and_when_others_may_have_made_it() {
    let now = Instant::now();
    let mut there = Declaration::new(Plan::Delay);
    ask(&mut there, Form::Look);
    there.declared(None, now);
    ask(&mut there, Form::Make);
    assert!(!there.is_ready());
    there.declared(None, now);
    assert!(there.is_ready());
    assert_eq!(there.age(), Age::Made(now), "by another worker");

    let mut made = Declaration::new(Plan::Delay);
    ask(&mut made, Form::Look);
    assert_eq!(made.refused("q", &missing()), Refused::Again);
    ask(&mut made, Form::Make);
    made.declared(None, now);
    assert_eq!(made.age(), Age::Made(now));
    assert_eq!(made.age().may_be_proven_at(), Some(now + YOUTH));
}

fn made(now: Instant) -> Declaration {
    let mut made = Declaration::new(Plan::DeadQuorum);
    ask(&mut made, Form::Look);
    made.refused("q", &missing());
    ask(&mut made, Form::Make);
    made.declared(None, now);
    made
}

#[test]
fn a_queue_is_old_enough_once_its_broker_has_answered_after_two_seconds() {
    let now = Instant::now();
    let later = now + YOUTH;
    let mut proven = made(now);
    proven.prove(now + YOUTH / 2);
    assert_eq!(proven.wants(), None);
    proven.prove(later);
    ask(&mut proven, Form::Look);
    assert!(proven.is_asked() && proven.is_ready() && proven.age().is_young());
    proven.declared(None, later);
    assert!(!proven.is_asked() && !proven.age().is_young());
    proven.connection_lost();
    assert_eq!(proven.wants(), None);

    // The broker was killed meanwhile, and has lost it.
    let mut gone = made(now);
    gone.prove(later);
    ask(&mut gone, Form::Look);
    assert_eq!(gone.refused("q", &missing()), Refused::Again);
    assert_eq!(gone.age(), Age::Missing);
    ask(&mut gone, Form::Make);

    // Messages that come back say the same, each of them.
    let mut doubted = made(now);
    for _ in 0..2 {
        doubted.doubt();
        assert_eq!(doubted.age(), Age::Missing);
        assert_eq!(doubted.wants(), Some(Form::Make));
    }

    let mut down = made(now);
    down.prove(later);
    ask(&mut down, Form::Look);
    let fault = Fault::new(Kind::Lost, "its node is down");
    assert_eq!(down.refused("q", &fault), Refused::Later);
    ask(&mut down, Form::Look);
    down.connection_lost();
    ask(&mut down, Form::Make);
}

#[test]
fn a_young_queue_is_made_once_more_after_a_lost_connection() {
    let now = Instant::now();
    let mut made = made(now);
    made.connection_lost();
    ask(&mut made, Form::Make);
    made.declared(None, now + YOUTH);
    assert_eq!(made.age(), Age::Made(now + YOUTH));
}

#[test]
fn a_dead_letter_queue_of_another_kind_is_used_unless_it_is_not_durable() {
    let mut dead = Declaration::new(Plan::Dead);
    ask(&mut dead, Form::Make);
    assert_eq!(dead.refused("q", &differs("x-queue-type")), Refused::Again);
    ask(&mut dead, Form::OtherType);
    assert_eq!(dead.refused("q", &differs("x-max-length")), Refused::Again);
    ask(&mut dead, Form::AsItIs);
    assert_eq!(dead.refused("q", &missing()), Refused::Again);
    ask(&mut dead, Form::Make);
    assert_eq!(dead.refused("q", &differs("durable")), Refused::ForGood);
}

#[test]
fn what_passes_is_tried_again_in_the_same_form() {
    let mut delay = Declaration::new(Plan::Delay);
    ask(&mut delay, Form::Look);
    let lost = Fault::new(Kind::Lost, "the node is down");
    assert_eq!(delay.refused("q", &lost), Refused::Later);
    ask(&mut delay, Form::Look);
    delay.connection_lost();
    ask(&mut delay, Form::Look);
}

#[test]
fn the_work_queue_is_declared_over_each_connection_until_it_is_adopted() {
    let now = Instant::now();
    let mut work = Declaration::new(Plan::LookThenBlind);
    work.looked_for();
    ask(&mut work, Form::Blind);
    assert!(work.is_ready() && work.is_unverified());
    work.channel_opened();
    ask(&mut work, Form::Blind);
    work.verified();
    work.channel_opened();
    assert!(work.is_ready() && !work.is_unverified());
    work.connection_lost();
    work.looked_for();
    ask(&mut work, Form::Blind);
    work.verify();
    ask(&mut work, Form::Make);
    work.declared(None, now);
    work.adopted();
    work.connection_lost();
    assert!(work.is_ready() && !work.is_unverified());
    work.doubt();
    ask(&mut work, Form::Make);
}

#[test]
fn a_queue_of_an_unknown_type_is_young_unless_it_turns_out_to_be_classic() {
    let now = Instant::now();
    for (queue_type, age, next) in [
        (Some(QueueType::Classic), Age::Enough, Form::Look),
        (Some(QueueType::Quorum), Age::Made(now), Form::Make),
        (None, Age::Made(now), Form::Make),
    ] {
        let mut work = Declaration::new(Plan::LookThenBlind);
        work.looked_for();
        ask(&mut work, Form::Blind);
        work.missing();
        ask(&mut work, Form::Make);
        work.declared(queue_type, now);
        assert_eq!(work.age(), age);
        work.connection_lost();
        ask(&mut work, next);
    }
}

#[test]
fn the_type_is_asked_for_once() {
    let now = Instant::now();
    let mut work = Declaration::new(Plan::LookThenMake);
    work.looked_for();
    ask(&mut work, Form::Look);
    work.declared(None, now);
    ask(&mut work, Form::Make);
    work.declared(Some(QueueType::Classic), now);
    assert!(work.is_ready());
    work.connection_lost();
    work.looked_for();
    ask(&mut work, Form::Blind);
}

#[test]
fn a_declaration_can_be_checked() {
    let mut work = Declaration::new(Plan::LookThenBlind);
    work.looked_for();
    ask(&mut work, Form::Blind);
    work.check();
    assert!(!work.is_ready());
    ask(&mut work, Form::Check);
    work.declared(None, Instant::now());
    assert!(work.is_ready() && !work.is_unverified());
}
