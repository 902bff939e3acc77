//! `new_task`'s command line.

use super::delay::Delay;
use super::options::{Priority, SendOptions};
use super::record::Separator;
use crate::amqp::connector::RetryFor;
use crate::base::duration::duration;
use crate::cli::{Common, positive};
use crate::publisher::Results;
use crate::publisher::core::Backlog;
use crate::task::{Header, ShortString, TaskOptions};
use clap::Parser;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// Put a task on a durable queue
///
/// Joins its words with one space and sends them as one task; without a word it sends `Hello
/// World!`. It prints ` [x] Sent BODY` only after the broker has confirmed the task.
#[derive(Debug, Parser)]
#[command(name = "new_task", version, max_term_width = 100)]
pub struct NewTaskArgs {
    /// The task's body
    #[arg(value_name = "MESSAGE")]
    words: Vec<OsString>,

    /// Take the whole FILE as the body, whatever its bytes (`-`: stdin)
    #[arg(long, value_name = "FILE", conflicts_with = "words")]
    pub body_file: Option<PathBuf>,

    /// One task per line of FILE (`-`: stdin). Empty lines are skipped
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["words", "body_file", "id"], help_heading = "Bulk")]
    pub file: Option<PathBuf>,

    /// The tasks in FILE end in NUL instead, and may hold newlines
    #[arg(short = '0', long, requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Bulk")]
    null: bool,

    /// How many tasks may be unconfirmed at once
    #[arg(
        value_parser = positive::<NonZeroU32>,
        long,
        value_name = "N",
        default_value = "1000",
        help_heading = "Bulk"
    )]
    window: NonZeroU32,

    /// Write what was not confirmed to FILE, ready for --file
    #[arg(long, value_name = "FILE", requires = "file", conflicts_with_all = ["words", "body_file"], help_heading = "Bulk")]
    pub unsent: Option<PathBuf>,

    /// Send only while fewer than N tasks are ready in the queue
    #[arg(
        value_parser = positive::<NonZeroU32>,
        long,
        value_name = "N",
        conflicts_with = "delay",
        help_heading = "Bulk"
    )]
    max_backlog: Option<NonZeroU32>,

    /// How long to wait for the queue to become shorter than that
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "0s", requires = "max_backlog", help_heading = "Bulk")]
    backlog_timeout: Duration,

    /// Wait for the outcome: the task's stdout, stderr and exit code become this command's own
    #[arg(short, long, help_heading = "Outcome")]
    pub wait: bool,

    /// Give up when no outcome has come for so long
    #[arg(value_parser = duration, long, value_name = "DUR", requires = "wait", help_heading = "Outcome")]
    wait_timeout: Option<Duration>,

    /// Print the outcomes in the order of the tasks
    #[arg(short, long, requires = "wait", help_heading = "Outcome")]
    pub keep_order: bool,

    /// The task's priority, on a queue that has priorities
    #[arg(long, value_name = "N")]
    priority: Option<u8>,

    /// Discard the task if nobody has taken it after so long
    #[arg(value_parser = ttl, long, value_name = "DUR")]
    ttl: Option<Duration>,

    /// Let workers have the task only after so long. Longer than a second: to three digits
    #[arg(value_parser = delay, long, value_name = "DUR", conflicts_with = "ttl")]
    delay: Option<Delay>,

    /// A header of the task; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    headers: Vec<Header>,

    /// The task's id [default: a new UUID]
    #[arg(long, value_name = "ID")]
    id: Option<ShortString>,

    /// The content type of the body
    #[arg(long, value_name = "TYPE")]
    content_type: Option<ShortString>,

    /// How long the broker may go without confirming anything
    #[arg(value_parser = duration, long, value_name = "DUR", default_value = "30s")]
    pub confirm_timeout: Duration,

    /// How long to keep trying while the broker cannot be reached, or `forever`
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

/// `expiration` holds milliseconds up to 2^32 - 1.
fn ttl(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.as_millis() > u128::from(u32::MAX) {
        return Err("it must be at most 49 days".to_owned());
    }
    Ok(duration)
}

/// Up to 49 days; `0s` is no delay.
fn delay(text: &str) -> Result<Delay, String> {
    let duration = duration(text)?;
    if duration > Delay::MAX {
        return Err("it must be at most 49 days".to_owned());
    }
    Ok(Delay::at_least(duration))
}

impl NewTaskArgs {
    /// Whether there is no word on the command line.
    #[must_use]
    pub fn has_no_words(&self) -> bool {
        self.words.is_empty()
    }

    /// The words as one body.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        if self.words.is_empty() {
            return b"Hello World!".to_vec();
        }
        let words: Vec<&[u8]> = self.words.iter().map(|word| word.as_bytes()).collect();
        words.join(&b' ')
    }

    /// How the records of the file end.
    #[must_use]
    pub fn separator(&self) -> Separator {
        if self.null {
            Separator::Nul
        } else {
            Separator::Newline
        }
    }

    /// How the tasks are sent.
    #[must_use]
    pub fn send_options(&self) -> SendOptions {
        SendOptions {
            confirm_timeout: self.confirm_timeout,
            window: NonZeroUsize::try_from(self.window).unwrap_or(NonZeroUsize::MAX),
            delay: self.delay.filter(|delay| !delay.is_none()),
            backlog: self.max_backlog.map(|max| Backlog {
                max,
                timeout: self.backlog_timeout,
            }),
            results: if self.wait {
                Results::Wanted(self.wait_timeout)
            } else {
                Results::No
            },
            priority: match self.priority {
                Some(_) if self.common.may_declare() => Priority::Given,
                Some(_) | None => Priority::None,
            },
            tick: None,
        }
    }

    /// What the tasks are made with.
    #[must_use]
    pub fn task_options(&self) -> TaskOptions {
        TaskOptions {
            priority: self.priority,
            ttl: self.ttl,
            headers: self.headers.clone(),
            id: self.id.clone(),
            content_type: self.content_type.clone(),
        }
    }
}
