//! How things are told, where the user can choose.

use clap::ValueEnum;

/// How events are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line, on stdout
    Json,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If stderr is a terminal and `NO_COLOR` is not set
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}
