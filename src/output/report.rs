//! What is told: lines for people, or JSON events for programs; notes and warnings on stderr.

use super::json;
use super::screen::size;
use super::tagged;
use super::{Color, LogFormat};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use anstyle::{AnsiColor, Style};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _, Write as _};
use std::time::SystemTime;

/// The fields of a JSON event, in order: a JSON object.
pub type Fields = Value;

/// What people are told besides the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors alone.
    Quiet,
    /// Results, notes and warnings.
    Normal,
    /// What happens on the way, too.
    Verbose,
}

/// Tells what happens. Lines are collected until [`Report::flush`], so that a batch of short
/// tasks costs one write.
pub struct Report {
    format: LogFormat,
    verbosity: Verbosity,
    color: Color,
    /// What others wrote to stdout has not ended its line, as far as is known.
    is_line_open: bool,
    /// stdout is one. Asked once: it is of interest with each task.
    is_terminal: bool,
    host: String,
    who: String,
    pending: Vec<u8>,
    failure: Option<Fault>,
}

impl Report {
    /// A report as the options want it.
    #[must_use]
    pub fn new(format: LogFormat, verbosity: Verbosity, color: Color) -> Self {
        let host = host_name();
        Self {
            format,
            verbosity,
            color,
            is_line_open: false,
            is_terminal: io::stdout().is_terminal(),
            who: format!("{host}:{}", std::process::id()),
            host,
            pending: Vec::new(),
            failure: None,
        }
    }

    /// The name of this machine.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host:pid` of this process, as in JSON events.
    #[must_use]
    pub fn who(&self) -> &str {
        &self.who
    }

    /// Tells of an event: as `line` in text, as `fields` in JSON.
    pub fn event(
        &mut self,
        name: &str,
        line: impl FnOnce() -> Option<String>,
        fields: impl FnOnce() -> Fields,
    ) {
        match self.format {
            LogFormat::Text if self.verbosity > Verbosity::Quiet => {
                if let Some(line) = line() {
                    self.pending.extend_from_slice(line.as_bytes());
                    self.pending.push(b'\n');
                }
            }
            LogFormat::Text => {}
            LogFormat::Json => {
                let mut event = json!({ "time": now(), "event": name, "worker": self.who });
                if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields()) {
                    event.extend(fields);
                }
                let line = json::to_line(&event);
                self.pending.extend_from_slice(&line);
            }
        }
    }

    /// Tells of an event that is of interest to programs alone.
    pub fn silent(&mut self, name: &str, fields: impl FnOnce() -> Fields) {
        self.event(name, || None, fields);
    }

    /// Another program has written to the terminal that stdout is, or to stdout itself and left its
    /// last line open there: the next event begins a line of its own.
    pub fn others_wrote(&mut self, is_line_open: bool) {
        self.is_line_open = is_line_open || self.is_terminal;
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// How something on stdout stands out, where it may.
    #[must_use]
    pub fn stands_out(&self) -> Style {
        style_of(self.color, AnsiColor::Red, self.is_terminal)
    }

    /// Writes out the events so far. What fails is kept for [`Report::failure`].
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        if std::mem::take(&mut self.is_line_open) {
            self.pending.splice(..0, begin_line(self.is_terminal));
        }
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(&self.pending)
            .and_then(|()| stdout.flush());
        self.pending.clear();
        if let Err(error) = written {
            self.output_failed(&error);
        }
    }

    /// Passes on what a task wrote, as it is, or each line behind a tag.
    pub fn pass_on(&mut self, stdout: &[u8], stderr: &[u8], tag: Option<&str>) {
        // Nothing is left to tell it to if stderr is gone.
        let _ = tagged::write(io::stderr().lock(), stderr, tag);
        if let Err(error) = tagged::write(io::stdout().lock(), stdout, tag) {
            self.output_failed(&error);
        }
    }

    /// Whether events are JSON, so that stdout is theirs alone.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.format == LogFormat::Json
    }

    /// A line on stderr without a label.
    pub fn line_on_stderr(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            let _ = writeln!(io::stderr(), "{}", escape(line.as_bytes()));
        }
    }

    /// Whether nothing but errors is told.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// Looks whether stdout is a pipe that nobody reads.
    pub fn look_at_stdout(&mut self) {
        let stdout = io::stdout();
        // Its end is told unasked.
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let at_once = Timespec::default();
        if poll(&mut fds, Some(&at_once)) == Ok(1) && fds[0].revents().contains(PollFlags::ERR) {
            self.output_failed(&io::ErrorKind::BrokenPipe.into());
        }
    }

    /// Notes that stdout could not be written.
    pub fn output_failed(&mut self, error: &io::Error) {
        self.failure.get_or_insert(not_written(error));
    }

    /// Whether there is something to write out.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Why stdout could not be written, if it could not.
    #[must_use]
    pub fn failure(&self) -> Option<&Fault> {
        self.failure.as_ref()
    }

    /// The same as an error.
    pub fn result(&self) -> Result<(), Fault> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Something worth knowing.
    pub fn note(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.message("note", AnsiColor::Cyan, text);
        }
    }

    /// Something that may need the user's attention.
    pub fn warn(&self, text: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.message("warning", AnsiColor::Yellow, text);
        }
    }

    /// Something that is only told with `--verbose`.
    pub fn detail(&self, text: &str) {
        if self.verbosity > Verbosity::Normal {
            self.message("note", AnsiColor::Cyan, text);
        }
    }

    /// Why the command ends as it does.
    pub fn error(&self, error: &anyhow::Error) {
        self.message("error", AnsiColor::Red, &format!("{error:#}"));
    }

    fn message(&self, label: &str, color: AnsiColor, text: &str) {
        let style = style_of(self.color, color, io::stderr().is_terminal());
        // What others wrote is escaped where it is quoted. Once more does not change it, and
        // catches file names and whatever else was forgotten.
        let text = escape(text.as_bytes());
        // Nothing is left to tell it to if stderr is gone.
        let _ = writeln!(io::stderr(), "{style}{label}:{style:#} {text}");
    }
}

/// stdout could not be written.
#[must_use]
pub fn not_written(error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::BrokenPipe => Kind::ReaderGone,
        _ => Kind::InputOutput,
    };
    Fault::new(kind, format!("cannot write to stdout: {error}"))
}

/// The body of a task, for a JSON event.
pub fn insert_body(fields: &mut Fields, body: &[u8]) {
    insert_bytes(fields, "body", body);
}

/// Any bytes, for a JSON event: as `name`, or as `name_base64` where they are not UTF-8.
pub fn insert_bytes(fields: &mut Fields, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => fields[name] = json!(text),
        Err(_) => fields[format!("{name}_base64")] = json!(base64(bytes)),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn host_name() -> String {
    let name = rustix::system::uname();
    escape(name.nodename().to_bytes())
}

/// What begins a line on stdout where one may be open. A terminal knows whether it is: it moves a
/// row of blanks to the next line only if something stands before them.
fn begin_line(is_terminal: bool) -> Vec<u8> {
    if !is_terminal {
        return vec![b'\n'];
    }
    let columns = size(io::stdout()).map_or(0, |size| size.columns);
    let mut blanks = vec![b' '; columns];
    blanks.extend_from_slice(b"\r\x1b[K");
    blanks
}

fn style_of(when: Color, color: AnsiColor, is_terminal: bool) -> Style {
    let wanted = match when {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: set and not empty.
        Color::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    };
    if wanted {
        Style::new().bold().fg_color(Some(color.into()))
    } else {
        Style::new()
    }
}
