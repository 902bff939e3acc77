//! From arguments to options, or to an error that shows neither passwords nor what a terminal
//! obeys.

use super::arguments::without_password;
use crate::base::escape::escape;
use clap::{Error, Parser};
use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// The options. Ends the process where there is nothing to do but to help or to complain.
#[must_use]
pub fn parse<P: Parser>(arguments: &[OsString]) -> P {
    P::try_parse_from(arguments).unwrap_or_else(|error| {
        if error.use_stderr() && arguments.iter().any(is_delicate) {
            let _ = std::io::stderr().write_all(delicate(&error, arguments).as_bytes());
            std::process::exit(error.exit_code());
        }
        error.exit()
    })
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
