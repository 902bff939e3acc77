//! Completions for shells, and manual pages.

use super::manual;
use super::sections::Documented;
use crate::base::fault::{Fault, Kind};
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
    /// [`Kind::InputOutput`] if stdout cannot be written.
    pub fn write<C: CommandFactory + Documented>(self) -> Result<(), Fault> {
        let failed = |error: io::Error| {
            let text = format!("cannot write to stdout: {error}");
            Fault::new(Kind::InputOutput, text)
        };
        let mut command = C::command();
        let name = command.get_name().to_owned();
        let shell = match self {
            Self::CompleteBash => Shell::Bash,
            Self::CompleteZsh => Shell::Zsh,
            Self::CompleteFish => Shell::Fish,
            Self::Man => {
                let page = manual::page(command, &C::sections());
                return io::stdout().write_all(page.as_bytes()).map_err(failed);
            }
        };
        let mut generated = Vec::new();
        clap_complete::generate(shell, &mut command, name, &mut generated);
        io::stdout().write_all(&generated).map_err(failed)
    }
}
