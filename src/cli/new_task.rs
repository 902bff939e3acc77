//! `new_task`'s command line.

use super::Common;
use super::common::duration;
use crate::connection::RetryFor;
use crate::task::{Header, ShortString, TaskOptions};
use clap::Parser;
use std::ffi::OsString;
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

    /// The task's priority, on a queue that has priorities
    #[arg(long, value_name = "N")]
    priority: Option<u8>,

    /// Discard the task if nobody has taken it after so long
    #[arg(value_parser = ttl, long, value_name = "DUR")]
    ttl: Option<Duration>,

    /// A header of the task; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    headers: Vec<Header>,

    /// The task's id [default: a new UUID]
    #[arg(long, value_name = "ID")]
    id: Option<ShortString>,

    /// The content type of the body
    #[arg(long, value_name = "TYPE")]
    content_type: Option<ShortString>,

    /// How long the broker may take to confirm
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

    /// What the task is made with.
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
