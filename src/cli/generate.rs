//! Completions for shells, and manual pages, from the declarations of the options.

use crate::base::fault::Fault;
use crate::output::not_written;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use std::io::{self, Write as _};

/// What can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// Completions for bash.
    CompleteBash,
    /// Completions for zsh.
    CompleteZsh,
    /// Completions for fish.
    CompleteFish,
    /// A manual page.
    Man,
}

impl Generate {
    /// Writes it for the command `C` to stdout.
    ///
    /// # Errors
    /// [`crate::base::fault::Kind::InputOutput`] if stdout cannot be written.
    pub fn write<C: CommandFactory>(self) -> Result<(), Fault> {
        let failed = |error: io::Error| not_written(&error);
        let mut command = C::command();
        let name = command.get_name().to_owned();
        let mut generated = Vec::new();
        let shell = match self {
            Self::CompleteBash => Shell::Bash,
            Self::CompleteZsh => Shell::Zsh,
            Self::CompleteFish => Shell::Fish,
            Self::Man => {
                let page = clap_mangen::Man::new(command);
                page.render(&mut generated).map_err(failed)?;
                return io::stdout().write_all(&generated).map_err(failed);
            }
        };
        clap_complete::generate(shell, &mut command, name, &mut generated);
        io::stdout().write_all(&generated).map_err(failed)
    }
}
