//! From arguments to options, or to an error that shows neither passwords nor what a terminal
//! obeys.

use super::arguments::without_password;
use super::mistakes::clarified;
use super::{Common, Documented, sections};
use crate::base::escape::escape;
use clap::error::ErrorKind;
use clap::{Error, Parser};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// The command line of a command.
pub trait CommandLine: Parser + Documented {
    /// The options that both commands have.
    fn common(&self) -> &Common;

    /// What is wrong with it that its declaration cannot say. `given` is all of it.
    fn mistake(&self, given: &[OsString]) -> Option<String>;

    /// Whether it runs commands, which may leave processes behind.
    fn runs_commands(&self) -> bool {
        false
    }
}

/// The options. Ends the process where there is nothing to do but to help or to complain.
#[must_use]
pub fn parse<P: CommandLine>(arguments: &[OsString]) -> P {
    let parsed = P::try_parse_from(arguments).and_then(|parsed| match parsed.mistake(arguments) {
        Some(text) => {
            Err(Error::raw(ErrorKind::ValueValidation, text + "\n").with_cmd(&P::command()))
        }
        None => Ok(parsed),
    });
    parsed.unwrap_or_else(|error| {
        if error.kind() == ErrorKind::DisplayHelp {
            help_with_sections::<P>(arguments).unwrap_or(error).exit();
        }
        let error = clarified(error, &P::command());
        if error.use_stderr() && arguments.iter().any(is_delicate) {
            let _ = std::io::stderr().write_all(delicate(&error, arguments).as_bytes());
            std::process::exit(error.exit_code());
        }
        error.exit()
    })
}

/// The help text with the sections at its end. They are laid out only here: that takes a tenth of the time
/// in which a command starts.
fn help_with_sections<P: CommandLine>(arguments: &[OsString]) -> Option<Error> {
    let sections = sections::help(&P::sections());
    let command = P::command().after_long_help(sections);
    command.try_get_matches_from(arguments).err()
}

/// Whether an argument should not be shown as it is: it may stand where none is expected, and be
/// quoted in the complaint.
fn is_delicate(argument: &OsString) -> bool {
    let bytes = argument.as_bytes();
    let text = argument.to_string_lossy();
    escape(bytes).as_bytes() != bytes || without_password(&text) != text
}

fn delicate(error: &Error, arguments: &[OsString]) -> String {
    let mut text = error.render().to_string();
    for argument in arguments.iter().filter_map(|argument| argument.to_str()) {
        // It may be quoted whole, or without the option before it.
        let scheme = argument.find("://").unwrap_or_default();
        let begin = argument[..scheme].rfind(|c: char| !c.is_ascii_alphanumeric());
        for url in [argument, &argument[begin.map_or(0, |at| at + 1)..]] {
            text = text.replace(url, &without_password(url));
        }
    }
    let lines = text.lines().map(|line| escape(line.as_bytes()) + "\n");
    lines.collect()
}
