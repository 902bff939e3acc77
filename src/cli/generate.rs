//! Completions for shells, and manual pages.

use super::sections::Documented;
use super::{completions, manual};
use crate::base::fault::Fault;
use crate::base::fault::Kind;
use crate::output::not_written;
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

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
        io::stdout()
            .write_all(self.text::<C>().as_bytes())
            .map_err(failed)
    }

    /// Writes all there is for the command `C` under `prefix`, such as `~/.local`, where shells and
    /// `man` look for it.
    ///
    /// # Errors
    /// [`Kind::InputOutput`] if a file cannot be written.
    pub fn install<C: CommandFactory + Documented>(prefix: &Path) -> Result<(), Fault> {
        let command = C::command();
        for what in Self::value_variants() {
            let path = prefix.join("share").join(what.place(command.get_name()));
            let directory = path.parent().unwrap_or(prefix);
            fs::create_dir_all(directory)
                .and_then(|()| fs::write(&path, what.text::<C>()))
                .map_err(|error| {
                    let text = format!("cannot write {}: {error}", path.display());
                    Fault::new(Kind::InputOutput, text)
                })?;
        }
        Ok(())
    }

    fn text<C: CommandFactory + Documented>(self) -> String {
        let command = C::command();
        match self {
            Self::CompleteBash => completions::script(Shell::Bash, command),
            Self::CompleteZsh => completions::script(Shell::Zsh, command),
            Self::CompleteFish => completions::script(Shell::Fish, command),
            Self::Man => manual::page(command, &C::sections()),
        }
    }

    /// The file under `share`.
    fn place(self, name: &str) -> String {
        match self {
            Self::CompleteBash => format!("bash-completion/completions/{name}"),
            Self::CompleteZsh => format!("zsh/site-functions/_{name}"),
            Self::CompleteFish => format!("fish/vendor_completions.d/{name}.fish"),
            Self::Man => format!("man/man1/{name}.1"),
        }
    }
}
