//! `new_task`'s command line.

use super::delay;
use super::expiry::ttl;
use super::outcome_args::OutcomeArgs;
use super::outcomes::Tag;
use super::record::Separator;
use super::result_args::ResultArgs;
use super::sections::USAGE;
use crate::amqp::connector::RetryFor;
use crate::base::duration::duration;
use crate::cli::{CommandLine, Common, positive};
use crate::output::LogFormat;
use crate::task::{Header, ShortString, TaskOptions, trace_headers};
use clap::{Parser, ValueHint};
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// Put a task on a durable queue
///
/// Sends the words of MESSAGE, joined by spaces, as one task (`Hello World!` by default). Prints
/// `[x] Sent MESSAGE` only after the broker has confirmed the task. With --file, sends any number of
/// tasks and prints how many were confirmed.
#[derive(Debug, Parser)]
#[command(
    name = "new_task",
    version,
    max_term_width = 100,
    override_usage = USAGE
)]
pub struct NewTaskArgs {
    /// Words of the task's body
    #[arg(value_name = "MESSAGE")]
    pub(super) words: Vec<OsString>,

    /// Read the body from FILE, byte for byte; `-` is stdin
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "words")]
    pub body_file: Option<PathBuf>,

    /// Send each line of FILE as a task; `-` is stdin
    ///
    /// Empty lines are skipped. A carriage return before the newline is dropped. Lines of stdin are
    /// sent as they arrive.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["words", "body_file", "id"], help_heading = "Bulk")]
    pub file: Option<PathBuf>,

    /// Tasks in FILE end with NUL and may contain newlines
    #[arg(short = '0', long, requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Bulk")]
    null: bool,

    /// Allow up to N unconfirmed tasks
    #[arg(
        value_parser = positive::<NonZeroU32>,
        long,
        value_name = "N",
        default_value = "1000",
        help_heading = "Bulk"
    )]
    pub(super) window: NonZeroU32,

    /// Save unconfirmed tasks to FILE, ready for --file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Bulk")]
    pub unsent: Option<PathBuf>,

    /// At the end, write the numbers of this run to FILE, for `node_exporter`'s textfile collector
    ///
    /// FILE ends in .prom. It is replaced as a whole, also where the run has failed.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Bulk")]
    pub metrics_file: Option<PathBuf>,

    /// Send only while fewer than N tasks are waiting in the queue
    #[arg(
        value_parser = positive::<NonZeroU32>,
        long,
        value_name = "N",
        conflicts_with = "delay",
        help_heading = "Bulk"
    )]
    pub(super) max_backlog: Option<NonZeroU32>,

    /// With --max-backlog: wait up to DUR until fewer are waiting; 0s: give up at once
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "0s", requires = "max_backlog", help_heading = "Bulk")]
    pub(super) backlog_timeout: Duration,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub results: ResultArgs,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub outcomes: OutcomeArgs,

    /// Set the task's priority, on a queue with priorities
    #[arg(long, value_name = "N")]
    pub(super) priority: Option<u8>,

    /// Discard the task if no worker has taken it after DUR
    #[arg(value_parser = ttl, long, value_name = "DUR")]
    ttl: Option<Duration>,

    /// Deliver the task after DUR
    ///
    /// Above 1s, DUR is rounded up to three digits.
    #[arg(value_parser = lies_aside, long, value_name = "DUR", conflicts_with = "ttl")]
    pub(super) delay: Option<Duration>,

    /// Add a header to the task; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    headers: Vec<Header>,

    /// Set the task's ID [default: a new UUID]
    #[arg(long, value_name = "ID")]
    id: Option<ShortString>,

    /// Set the content type of the body
    #[arg(long, value_name = "TYPE")]
    content_type: Option<ShortString>,

    /// Give up if the broker confirms nothing for DUR
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "30s")]
    pub confirm_timeout: Duration,

    /// Keep trying for DUR, or `forever`, while the broker cannot be reached
    #[arg(
        long,
        value_name = "DUR",
        default_value = "10s",
        help_heading = "Broker"
    )]
    pub retry_for: RetryFor,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: Common,
}

/// Up to 49 days; `0s` is no delay.
fn lies_aside(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration > delay::MAX {
        return Err("it must be at most 49 days".to_owned());
    }
    Ok(delay::rounded_up(duration))
}

impl CommandLine for NewTaskArgs {
    fn common(&self) -> &Common {
        &self.common
    }

    fn mistake(&self, _given: &[OsString]) -> Option<String> {
        let is_vain = self.common.log_format == LogFormat::Json && self.outcomes.tag() == Tag::Body;
        is_vain.then(|| "--tag is for lines; with --log-format json, events have the id".to_owned())
    }
}

impl NewTaskArgs {
    /// The words as one body.
    pub(super) fn message(&self) -> Vec<u8> {
        if self.words.is_empty() {
            return b"Hello World!".to_vec();
        }
        let words: Vec<&[u8]> = self.words.iter().map(|word| word.as_bytes()).collect();
        words.join(&b' ')
    }

    /// How the records of the file end.
    pub(super) fn separator(&self) -> Separator {
        if self.null {
            Separator::Nul
        } else {
            Separator::Newline
        }
    }

    /// What the tasks are made with.
    pub(super) fn task_options(&self) -> TaskOptions {
        let mut headers = self.headers.clone();
        headers.extend(trace_headers(&headers, |name| std::env::var(name).ok()));
        TaskOptions {
            priority: self.priority,
            ttl: self.ttl,
            headers,
            id: self.id.clone(),
            content_type: self.content_type.clone(),
        }
    }
}
