//! One line of the log. Pure.

use super::super::outcome;
use super::super::task_result::TaskResult;
use crate::base::escape::escape;
use crate::task::TaskBody;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The names of the columns.
pub(super) const HEADER: &str =
    "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

const COLUMNS: usize = 9;

/// What a line says of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The task's place in its list, from 1.
    pub(super) number: u64,
    pub(super) has_failed: bool,
    /// The body, as [`command`] writes it.
    pub(super) command: &'a [u8],
}

/// The line of the task `number`.
pub(super) fn written(number: u64, body: &TaskBody, result: &TaskResult) -> String {
    let (exit_code, signal) = ending(result);
    format!(
        "{number}\t{}\t{}\t{:10.3}\t{}\t{}\t{exit_code}\t{signal}\t{}\n",
        host(result),
        seconds(result.time.started.unwrap_or(UNIX_EPOCH)),
        result.time.took.unwrap_or_default().as_secs_f64(),
        body.size,
        result.stdout.len(),
        command(body),
    )
}

/// What a line without its newline says; `None`: it is none of ours, and none of GNU parallel's.
pub(super) fn read(line: &[u8]) -> Option<Line<'_>> {
    let mut columns = line.splitn(COLUMNS, |byte| *byte == b'\t');
    let mut next = || columns.next();
    let number = digits(next()?)?;
    let host = next()?;
    let (started, took) = (seconds_in(next()?), seconds_in(next()?));
    let (_sent, _received) = (digits(next()?)?, digits(next()?)?);
    let (exit_code, signal) = (next()?, next()?);
    let command = next()?;
    let is_sound = number > 0 && !host.is_empty() && started && took;
    let has_failed = !(is_zero(exit_code)? && is_zero(signal)?);
    is_sound.then_some(Line {
        number,
        has_failed,
        command,
    })
}

/// A body as one harmless line, from which it can be told from every other body: as elsewhere, but a
/// backslash is doubled. A body that is not whole is marked as cut.
pub(super) fn command(body: &TaskBody) -> String {
    let pieces = body.bytes.split(|byte| *byte == b'\\').map(escape);
    let pieces: Vec<String> = pieces.collect();
    let mut command = pieces.join("\\\\");
    if !body.is_whole() {
        // No body looks like that, since a backslash would be doubled.
        let _ = write!(command, "\\… ({} bytes)", body.size);
    }
    command
}

/// Exit code and signal, one of which is 0, as GNU parallel has them.
fn ending(result: &TaskResult) -> (u8, u8) {
    match (result.exit_code, result.signal) {
        (None, Some(signal @ 1..)) => (0, signal),
        _ if outcome::is_success(result) => (0, 0),
        // What failed never looks as if it had not.
        _ => (outcome::exit_code(result).max(1), 0),
    }
}

/// A name without blanks, as readers of the log want it.
fn host(result: &TaskResult) -> String {
    let name = result.host.as_deref().filter(|name| !name.is_empty());
    escape(name.unwrap_or("-").as_bytes()).replace(char::is_whitespace, "_")
}

fn seconds(at: SystemTime) -> String {
    let since: Duration = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}", since.as_secs(), since.subsec_millis())
}

fn digits(column: &[u8]) -> Option<u64> {
    let is_number = column.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(column)
        .ok()
        .filter(|_| is_number)?
        .parse()
        .ok()
}

/// Whether it is a number of seconds, with blanks before it.
fn seconds_in(column: &[u8]) -> bool {
    let column = column.trim_ascii_start();
    let is_part = |byte: &u8| byte.is_ascii_digit() || b".-".contains(byte);
    let number = std::str::from_utf8(column)
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    column.iter().all(is_part) && number.is_some()
}

/// Whether a whole number is 0. GNU parallel writes -1 for what it ended itself.
fn is_zero(column: &[u8]) -> Option<bool> {
    let number = column.strip_prefix(b"-").unwrap_or(column);
    Some(digits(number)? == 0)
}

#[cfg(test)]
mod tests;
