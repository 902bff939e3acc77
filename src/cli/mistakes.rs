//! What is wrong with a command line, in few words and with the right tip.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// The same error without the usage line, which would repeat all options, and with the tip that
/// helps. `command` is what was called.
pub(super) fn clarified(mut error: Error, command: &Command) -> Error {
    error.insert(ContextKind::Usage, ContextValue::None);
    if error.kind() != ErrorKind::UnknownArgument || !runs_commands(command) {
        return error;
    }
    let tip = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if !word.starts_with('-') => {
            let name = command.get_name();
            let text = format!("put `--` before the command: {name} [OPTIONS] -- {word}");
            ContextValue::StyledStrs(vec![StyledStr::from(text)])
        }
        // clap's own tip would make a command of it.
        _ => ContextValue::None,
    };
    error.insert(ContextKind::Suggested, tip);
    error
}

/// Whether it takes a command of the user's, behind `--`.
fn runs_commands(command: &Command) -> bool {
    command.get_positionals().any(clap::Arg::is_last_set)
}
