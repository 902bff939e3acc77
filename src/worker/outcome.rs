//! How a task ended, and what becomes of it: a pure decision.

use crate::cli::OnFailure;
use std::time::Duration;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It ended by itself.
    Exit(i32),
    /// A signal ended it.
    Signal(i32),
    /// It was ended because it took longer than `--timeout`.
    TimedOut(Duration),
    /// It could not be started for now; why.
    NotStarted(String),
    /// It can never be started for this task; why.
    Impossible(String),
}

impl Ending {
    /// The words for people, and for the header `task-error`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Exit(code) => format!("exit code {code}"),
            Self::Signal(signal) => format!("ended by signal {signal}{}", signal_name(*signal)),
            Self::TimedOut(limit) => {
                format!(
                    "took longer than {} (--timeout)",
                    humantime::format_duration(*limit)
                )
            }
            Self::NotStarted(why) => format!("could not be started: {why}"),
            Self::Impossible(why) => why.clone(),
        }
    }
}

/// The names of the signals that end programs in practice. Their numbers are those of POSIX.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => " (HUP)",
        2 => " (INT)",
        6 => " (ABRT)",
        9 => " (KILL; out of memory?)",
        13 => " (PIPE)",
        15 => " (TERM)",
        _ if signal == rustix::process::Signal::SEGV.as_raw() => " (SEGV)",
        _ => "",
    }
}

/// What becomes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is done.
    Done,
    /// It is tried again after a pause.
    Retry(Duration),
    /// It goes to the end of the queue.
    Requeue,
    /// It is put with the dead letters.
    DeadLetter,
    /// It is forgotten.
    Drop,
}

/// What the user wants of failures.
#[derive(Clone, Debug)]
pub(super) struct FailurePolicy {
    pub(super) on_failure: OnFailure,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
    pub(super) backoff_max: Duration,
    pub(super) fatal_exit: Vec<u8>,
}

impl FailurePolicy {
    /// What becomes of a task that ended so in its `attempt`, counted from 1.
    pub(super) fn decide(&self, ending: &Ending, attempt: u64) -> Decision {
        match ending {
            Ending::Exit(0) => return Decision::Done,
            Ending::Exit(code)
                if self
                    .fatal_exit
                    .iter()
                    .any(|fatal| i32::from(*fatal) == *code) =>
            {
                return Decision::DeadLetter;
            }
            Ending::Impossible(_) => return Decision::DeadLetter,
            Ending::Exit(_) | Ending::Signal(_) | Ending::TimedOut(_) | Ending::NotStarted(_) => {}
        }
        match self.on_failure {
            OnFailure::Retry if attempt > u64::from(self.retries) => Decision::DeadLetter,
            OnFailure::Retry => Decision::Retry(self.pause(attempt)),
            OnFailure::Requeue => Decision::Requeue,
            OnFailure::DeadLetter => Decision::DeadLetter,
            OnFailure::Drop => Decision::Drop,
        }
    }

    /// The pauses that a task goes through if it fails every time; the first few of them.
    pub(super) fn ladder(&self) -> Vec<Duration> {
        /// Beyond so many the pauses are minutes, or all the same.
        const MANY: u64 = 8;
        if self.on_failure != OnFailure::Retry {
            return Vec::new();
        }
        let attempts = 1..=u64::from(self.retries).min(MANY);
        let mut pauses: Vec<Duration> = attempts.map(|attempt| self.pause(attempt)).collect();
        pauses.dedup();
        pauses
    }

    /// The pause after the failure of `attempt`: it doubles from one to the next.
    fn pause(&self, attempt: u64) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        self.backoff.saturating_mul(factor).min(self.backoff_max)
    }
}

#[cfg(test)]
mod tests {
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
}
