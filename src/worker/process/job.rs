//! A task for a slot, and how it is run there.

use super::told::Told;
use crate::base::duration::duration;
use crate::worker::core::Start;
use clap::Args;
use std::time::Duration;

/// A task for the thread of a slot.
#[derive(Debug)]
pub struct Job {
    pub start: Start,
    pub capture: Capture,
    pub result: ResultWanted,
    pub stdout_to: StdoutTo,
    /// `Some`: what it writes stands behind a line that may still have to be told.
    pub told: Option<Told>,
}

/// What is done with stdout while the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// It is the worker's own: one slot, nothing in between.
    Inherit,
    /// It is passed on as it comes: one slot.
    Stream,
    /// It is kept until the end: several slots must not mix.
    Buffer,
}

/// Whether stdout is part of the result, as somebody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultWanted {
    Yes,
    No,
}

/// Which of the worker's own streams gets the stdout of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StdoutTo {
    Stdout,
    /// With JSON events on stdout.
    Stderr,
}

/// How long a running command may take.
#[derive(Args, Clone, Copy, Debug)]
pub struct TimeLimits {
    /// After DUR, send TERM to the process group of COMMAND; the task has failed
    #[arg(
        value_parser = duration,
        long,
        value_name = "DUR",
        requires = "command",
        help_heading = "Failures"
    )]
    pub timeout: Option<Duration>,

    /// Send KILL if COMMAND still runs DUR after TERM
    #[arg(
        value_parser = duration,
        long,
        value_name = "DUR",
        default_value = "5s",
        help_heading = "Failures"
    )]
    pub kill_after: Duration,
}
