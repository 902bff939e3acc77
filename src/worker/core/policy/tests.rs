use super::*;

fn policy(on_failure: OnFailure) -> FailurePolicy {
    FailurePolicy {
        on_failure,
        retries: 3,
        backoff: Duration::from_secs(1),
        backoff_max: Duration::from_secs(3),
        fatal_exit: vec![64, 65],
    }
}

#[test]
fn retries_double_their_pause_and_end_as_dead_letters() {
    let policy = policy(OnFailure::Retry);
    let decisions: Vec<_> = (1..=4)
        .map(|attempt| policy.decide(&Ending::Exit(1), attempt))
        .collect();
    let retry = |seconds| Decision::Retry(Duration::from_secs(seconds));
    assert_eq!(
        decisions,
        [retry(1), retry(2), retry(3), Decision::DeadLetter]
    );
    assert_eq!(policy.pause(u64::MAX), policy.backoff_max);
}

#[test]
fn only_exit_code_0_is_done() {
    let policy = policy(OnFailure::Drop);
    assert_eq!(policy.decide(&Ending::Exit(0), 9), Decision::Done);
    for ending in [
        Ending::Exit(1),
        Ending::Signal(9),
        Ending::TimedOut(Duration::ZERO),
        Ending::NotStarted(String::new()),
    ] {
        assert_eq!(policy.decide(&ending, 1), Decision::Drop);
    }
}

#[test]
fn what_cannot_succeed_is_not_tried_again() {
    for on_failure in [OnFailure::Retry, OnFailure::Requeue, OnFailure::Drop] {
        let policy = policy(on_failure);
        assert_eq!(policy.decide(&Ending::Exit(65), 1), Decision::DeadLetter);
        let impossible = Ending::Impossible("NUL".to_owned());
        assert_eq!(policy.decide(&impossible, 1), Decision::DeadLetter);
    }
}
