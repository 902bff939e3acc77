//! How both commands end: one enum, after BSD's `sysexits.h`.

use std::process::ExitCode as ProcessExitCode;

/// The exit code of `new_task` and `worker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All was done: confirmed, or drained and stopped cleanly.
    Done,
    /// Something that no other code names.
    Failure,
    /// The broker could not be reached, or was lost for too long (`EX_UNAVAILABLE`).
    Unavailable,
    /// The queue exists with other properties, or cannot be declared (`EX_CANTCREAT`).
    Queue,
    /// A file, stdin or stdout could not be read or written (`EX_IOERR`).
    InputOutput,
    /// The broker did not take all tasks; trying again may help (`EX_TEMPFAIL`).
    NotTaken,
    /// Credentials, vhost or permission refused (`EX_NOPERM`).
    Refused,
    /// The set-up cannot be used: URL, TLS file, command (`EX_CONFIG`).
    SetUp,
    /// Interrupted before all tasks were confirmed, or before running tasks had ended (128 + SIGINT).
    Interrupted,
    /// The one task that was waited for ended with this code (`--wait`).
    Task(u8),
}

impl ExitCode {
    /// The number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Unavailable => 69,
            Self::Queue => 73,
            Self::InputOutput => 74,
            Self::NotTaken => 75,
            Self::Refused => 77,
            Self::SetUp => 78,
            Self::Interrupted => 130,
            Self::Task(code) => code,
        }
    }
}

impl From<ExitCode> for ProcessExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}
