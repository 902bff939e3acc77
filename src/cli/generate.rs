//! Completions for shells, and manual pages.

use super::sections::Documented;
use super::{completions, manual};
use crate::base::fault::Fault;
use crate::output::not_written;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use std::io::{self, Write as _};

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// Completions for bash
    CompleteBash,
    /// Completions for zsh
    CompleteZsh,
    /// Completions for fish
    CompleteFish,
    /// Manual page
    Man,
}

impl Generate {
    /// Writes it for the command `C` to stdout.
    ///
    /// # Errors
    /// [`crate::base::fault::Kind::InputOutput`] if stdout cannot be written.
    pub fn write<C: CommandFactory + Documented>(self) -> Result<(), Fault> {
        let failed = |error: io::Error| not_written(&error);
        let command = C::command();
        let generated = match self {
            Self::CompleteBash => completions::script(Shell::Bash, command),
            Self::CompleteZsh => completions::script(Shell::Zsh, command),
            Self::CompleteFish => completions::script(Shell::Fish, command),
            Self::Man => manual::page(command, &C::sections()),
        };
        io::stdout().write_all(generated.as_bytes()).map_err(failed)
    }
}
