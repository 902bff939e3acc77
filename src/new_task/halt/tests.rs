use super::*;

fn enough(text: &str) -> Enough {
    match text.parse().unwrap() {
        Halt::When(enough) => enough,
        Halt::Never => panic!("{text}"),
    }
}

fn counts(done: u64, undone: u64) -> SendCounts {
    SendCounts {
        done,
        undone,
        ..SendCounts::default()
    }
}

#[test]
fn what_it_looks_like() {
    assert_eq!("never".parse(), Ok(Halt::Never));
    assert_eq!(enough("soon,fail=1").how, How::Soon);
    assert_eq!(enough("now,fail=1").how, How::Now);
    for text in [
        "",
        "soon",
        "soon,fail",
        "soon,fail=",
        "soon,fail=%",
        "soon,fail=x",
        "soon,fail=+1",
        "soon,fail=1%%",
        "soon,fail=1.5%",
        "later,fail=1",
        "soon,lost=1",
        "never,fail=1",
        " soon,fail=1",
        "soon,fail=99999999999999999999",
    ] {
        let why = text.parse::<Halt>().unwrap_err();
        assert!(why.contains("should look like"), "{text}: {why}");
    }
    for text in ["soon,fail=0", "now,done=0%", "soon,success=101%"] {
        assert!(
            text.parse::<Halt>().unwrap_err().contains("must be"),
            "{text}"
        );
    }
}

#[test]
fn numbers_count_what_they_name() {
    for (text, few, many) in [
        ("soon,fail=2", counts(9, 1), counts(0, 2)),
        ("now,success=2", counts(1, 9), counts(2, 0)),
        ("soon,done=3", counts(1, 1), counts(1, 2)),
    ] {
        assert!(!enough(text).is_reached(few, None), "{text}");
        assert!(enough(text).is_reached(many, None), "{text}");
    }
}

#[test]
fn percentages_are_of_all_tasks_and_rounded_up() {
    let halt = enough("soon,fail=10%");
    for (total, needed) in [(1, 1), (10, 1), (11, 2), (100, 10), (101, 11)] {
        assert!(
            !halt.is_reached(counts(0, needed - 1), Some(total)),
            "{total}"
        );
        assert!(halt.is_reached(counts(0, needed), Some(total)), "{total}");
    }
    assert!(!halt.is_reached(counts(0, 1000), None));
    assert!(enough("now,done=100%").is_reached(counts(u64::MAX, 0), Some(u64::MAX)));
    assert!(Halt::When(halt).wants_total());
    assert!(!Halt::When(enough("now,fail=1")).wants_total() && !Halt::Never.wants_total());
}

#[test]
fn enough_successes_are_a_success() {
    assert_eq!(
        enough("now,success=1").exit_code(counts(1, 5)),
        ExitCode::Done
    );
    assert_eq!(enough("now,done=1").exit_code(counts(1, 0)), ExitCode::Done);
    assert_eq!(
        enough("now,done=2").exit_code(counts(1, 1)),
        ExitCode::Failure
    );
    assert_eq!(
        enough("now,fail=1").exit_code(counts(1, 1)),
        ExitCode::Failure
    );
}
