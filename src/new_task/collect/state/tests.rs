use super::*;

fn numbers(text: &str) -> Numbers {
    Numbers::parse(text).unwrap()
}

/// What a sender, or a collector, says.
fn run(sent: &str, is_closed: bool, done: &str, failed: &str) -> Run {
    let mut collected = numbers(done);
    collected.merge(&numbers(failed));
    Run {
        is_told: is_closed,
        is_closed,
        sent: numbers(sent),
        done: numbers(done),
        failed: numbers(failed),
        collected,
    }
}

const RUN: Uuid = Uuid::from_u128(7);

#[test]
fn the_parts_add_up_in_whatever_order() {
    let parts = [
        State::of(RUN, Run::begun()),
        State::of(RUN, run("1-4", true, "", "")),
        State::of(RUN, run("", false, "1,2", "")),
        State::of(RUN, run("", false, "2", "3")),
    ];
    for first in 0..parts.len() {
        let mut state = State::default();
        assert!(!state.is_complete());
        for step in 0..=parts.len() {
            state.merge(&parts[(first + step) % parts.len()]);
        }
        let counts = state.counts();
        assert_eq!((counts.sent, counts.done, counts.failed), (4, 2, 1));
        assert_eq!((counts.waiting, counts.open), (1, 0));
        assert!(!state.is_complete());
        assert_eq!(state.next().next(), Some((RUN, Some(4))));
        state.collected(
            ResultKey {
                run: RUN,
                number: 4,
            },
            true,
        );
        assert!(state.is_complete());
    }
}

#[test]
fn while_a_command_still_sends_nothing_is_complete() {
    let mut state = State::of(RUN, run("", false, "1-3", ""));
    state.merge(&State::of(RUN, Run::begun()));
    assert!(!state.is_complete());
    assert_eq!(state.next().next(), Some((RUN, Some(4))));
    assert_eq!(state.counts().open, 1);
}

#[test]
fn a_result_of_nobody_keeps_nobody_waiting() {
    let mut state = State::of(RUN, run("1", true, "1", ""));
    let run = Uuid::from_u128(9);
    state.collected(ResultKey { run, number: 1 }, true);
    assert!(state.is_complete());
}

#[test]
fn messages_are_read_back_and_garbage_is_none() {
    let mut state = State::of(RUN, run("1-9", true, "1-3,5", "4"));
    state.merge(&State::of(Uuid::from_u128(8), Run::default()));
    assert_eq!(State::parse(&state.to_json()), Some(state));
    for garbage in [
        "",
        "x",
        "{}",
        "[]",
        r#"{"runs":1}"#,
        r#"{"runs":{"x":{}}}"#,
        r#"{"runs":{"00000000-0000-0000-0000-000000000007":{"sent":"2-1"}}}"#,
        r#"{"runs":{"00000000-0000-0000-0000-000000000007":{"sent":5}}}"#,
    ] {
        assert_eq!(State::parse(garbage.as_bytes()), None, "{garbage}");
    }
}

#[test]
fn keys_are_read_back() {
    let key = ResultKey {
        run: RUN,
        number: 5,
    };
    assert_eq!(ResultKey::parse(&key.text()), Some(key));
    for garbage in [
        "",
        "5",
        "x/5",
        "/",
        &format!("{RUN}/0"),
        &format!("{RUN}/{}", u64::MAX),
    ] {
        assert_eq!(ResultKey::parse(garbage), None, "{garbage}");
    }
}
