//! How a task ended, and what becomes of it.

use crate::base::duration::duration_in;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// When a task is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ack {
    /// After the work
    After,
    /// On delivery: a killed worker loses tasks
    Auto,
    /// Not at all: tasks return when the worker ends, and the broker's memory grows
    Never,
}

/// What becomes of a task whose command has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Try again after a pause, up to --retries times, then put it in the dead-letter queue
    Retry,
    /// Put it back at the end of the queue at once, any number of times
    Requeue,
    /// Put it in the dead-letter queue
    DeadLetter,
    /// Discard it
    Drop,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
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
    #[must_use]
    pub fn describe(&self) -> String {
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

/// What a command left: how it ended, and what of its output others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The last 2 KiB of stderr.
    pub stderr: Vec<u8>,
    /// stdout, where a result is wanted.
    pub result: Vec<u8>,
    /// Whether `result` is not all of it.
    pub is_truncated: bool,
}

impl From<Ending> for Outcome {
    /// An outcome without output.
    fn from(ending: Ending) -> Self {
        Self {
            ending,
            stderr: Vec::new(),
            result: Vec::new(),
            is_truncated: false,
        }
    }
}

/// What becomes of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
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
#[derive(Args, Clone, Debug)]
pub struct FailurePolicy {
    /// What to do with a task whose COMMAND failed
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "retry",
        help_heading = "Failures"
    )]
    pub on_failure: OnFailure,

    /// Retry a failed task up to N times
    #[arg(long, value_name = "N", default_value = "3", help_heading = "Failures")]
    pub retries: u32,

    /// Wait DUR before the first retry, twice as long before each further one
    #[arg(long, value_name = "DUR", default_value = "1s", value_parser = pause, help_heading = "Failures")]
    pub backoff: Duration,

    /// Wait at most DUR before a retry
    #[arg(long, value_name = "DUR", default_value = "5m", value_parser = pause, help_heading = "Failures")]
    pub backoff_max: Duration,

    /// Dead-letter a task at once after these exit codes, separated by commas
    #[arg(
        long,
        value_name = "CODE",
        value_delimiter = ',',
        help_heading = "Failures"
    )]
    pub fatal_exit: Vec<u8>,
}

/// A pause that the broker can measure: whole milliseconds, and at most what `x-message-ttl` and
/// `x-expires` can express (2^32 - 1 ms; the queue lives a little longer than its tasks).
fn pause(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(1)..=Duration::from_secs(20 * 24 * 60 * 60);
    duration_in(text, range, "it must be between 1ms and 20 days")
}

impl FailurePolicy {
    /// What becomes of a task whose `attempt`, counted from 1, ended like this.
    #[must_use]
    pub fn decide(&self, ending: &Ending, attempt: u64) -> Decision {
        match ending {
            Ending::Exit(0) => return Decision::Done,
            Ending::Exit(code) if self.is_fatal(*code) => return Decision::DeadLetter,
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

    fn is_fatal(&self, code: i32) -> bool {
        self.fatal_exit
            .iter()
            .any(|fatal| i32::from(*fatal) == code)
    }

    /// The pauses that a task goes through if it fails every time; the first few of them.
    #[must_use]
    pub fn retry_delays(&self) -> Vec<Duration> {
        /// Beyond this many the pauses are minutes, or no longer grow.
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
mod tests;
