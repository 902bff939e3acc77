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
    assert_eq!(
        there.young_until(now),
        Some(now + YOUTH),
        "by another worker"
    );

    let mut made = Declaration::new(Plan::Delay);
    ask(&mut made, Form::Look);
    assert_eq!(made.refused("q", &missing()), Refused::Again);
    ask(&mut made, Form::Make);
    made.declared(None, now);
    assert_eq!(made.young_until(now), Some(now + YOUTH));
    assert_eq!(made.young_until(now + YOUTH), None);
}

#[test]
fn a_young_queue_is_made_once_more_after_a_lost_connection() {
    let now = Instant::now();
    let mut made = Declaration::new(Plan::DeadQuorum);
    ask(&mut made, Form::Look);
    made.refused("q", &missing());
    ask(&mut made, Form::Make);
    made.declared(None, now);
    made.connection_lost(now + YOUTH / 2);
    ask(&mut made, Form::Make);
    let later = now + YOUTH;
    made.declared(None, later);
    assert_eq!(made.young_until(later), Some(later + YOUTH));
    made.connection_lost(later + YOUTH);
    assert!(made.is_ready());
    assert_eq!(made.young_until(later), None);
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
    delay.connection_lost(Instant::now());
    ask(&mut delay, Form::Look);
}

#[test]
fn the_work_queue_is_declared_over_each_connection_until_it_is_adopted() {
    let now = Instant::now();
    let mut work = Declaration::new(Plan::Blind);
    ask(&mut work, Form::Blind);
    assert!(work.is_ready() && work.is_unverified());
    work.channel_opened();
    ask(&mut work, Form::Blind);
    work.verified();
    work.channel_opened();
    assert!(work.is_ready() && !work.is_unverified());
    work.connection_lost(now);
    ask(&mut work, Form::Blind);
    work.verify();
    ask(&mut work, Form::Make);
    work.declared(None, now);
    work.adopted();
    work.connection_lost(now);
    assert!(work.is_ready() && !work.is_unverified());
    work.doubt();
    ask(&mut work, Form::Make);
}

#[test]
fn a_queue_of_an_unknown_type_is_young_unless_it_turns_out_to_be_classic() {
    let now = Instant::now();
    for (queue_type, young) in [
        (Some(QueueType::Classic), None),
        (Some(QueueType::Quorum), Some(now + YOUTH)),
        (None, Some(now + YOUTH)),
    ] {
        let mut work = Declaration::new(Plan::LookThenBlind);
        work.looked_for();
        ask(&mut work, Form::Blind);
        work.missing();
        ask(&mut work, Form::Make);
        work.declared(queue_type, now);
        assert_eq!(work.young_until(now), young);
        work.connection_lost(now + YOUTH);
        ask(&mut work, Form::Look);
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
    work.connection_lost(now);
    work.looked_for();
    ask(&mut work, Form::Blind);
}

#[test]
fn a_declaration_can_be_checked() {
    let mut work = Declaration::new(Plan::Blind);
    ask(&mut work, Form::Blind);
    work.check();
    assert!(!work.is_ready());
    ask(&mut work, Form::Check);
    work.declared(None, Instant::now());
    assert!(work.is_ready() && !work.is_unverified());
}
