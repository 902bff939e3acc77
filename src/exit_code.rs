//! How both commands end: one enum, after BSD's `sysexits.h`.

use std::process::ExitCode as ProcessExitCode;

/// The exit code of `new_task` and `worker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All was done: confirmed, or drained and stopped cleanly.
    Done = 0,
    /// Something that no other code names.
    Failure = 1,
    /// The broker could not be reached, or was lost for too long (`EX_UNAVAILABLE`).
    Unavailable = 69,
    /// The queue exists with other properties, or cannot be declared (`EX_CANTCREAT`).
    Queue = 73,
    /// A file, stdin or stdout could not be read or written (`EX_IOERR`).
    InputOutput = 74,
    /// The broker did not take all tasks; trying again may help (`EX_TEMPFAIL`).
    NotTaken = 75,
    /// Credentials, vhost or permission refused (`EX_NOPERM`).
    Refused = 77,
    /// The set-up cannot be used: URL, TLS file, command (`EX_CONFIG`).
    SetUp = 78,
    /// Interrupted before the work was safe (128 + SIGINT).
    Interrupted = 130,
}

impl From<ExitCode> for ProcessExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
