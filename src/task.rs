//! A task: a body and its properties.

mod body;
mod trace;

pub use body::TaskBody;
pub use trace::{TRACE_CONTEXT, trace_headers};

use crate::amqp::Properties;
use crate::base::escape::escape;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// AMQP's short strings hold at most 255 bytes. amiquip does not check it, and a longer one
/// corrupts the stream.
pub const SHORT_STRING_MAX: usize = 255;

/// How much of a body is shown to people, in bytes. JSON events have all of it.
const LINE_MAX: usize = 1024;

/// A task to publish, or one that was delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Any bytes.
    pub body: Vec<u8>,
    /// Properties and headers.
    pub properties: Properties,
}

/// What a new task is made with, besides its body.
#[derive(Clone, Debug, Default)]
pub struct TaskOptions {
    /// The task's priority, which counts on queues that have priorities.
    pub priority: Option<u8>,
    /// How long the task may lie in the queue before the broker discards it.
    pub ttl: Option<Duration>,
    /// Headers.
    pub headers: Vec<Header>,
    /// The id; a new one where there is none.
    pub id: Option<ShortString>,
    /// The content type.
    pub content_type: Option<ShortString>,
}

/// What new tasks are made after.
#[derive(Clone, Debug)]
pub struct Template {
    id: Option<ShortString>,
    /// All but the id and the timestamp.
    properties: Properties,
}

impl Template {
    /// Tasks as these options want them.
    #[must_use]
    pub fn new(options: &TaskOptions) -> Self {
        let mut properties = Properties::persistent();
        if let Some(priority) = options.priority {
            properties = properties.with_priority(priority);
        }
        if let Some(ttl) = options.ttl {
            properties = properties.with_expiration(ttl.as_millis());
        }
        if let Some(content_type) = &options.content_type {
            properties = properties.with_content_type(content_type.0.clone());
        }
        for header in &options.headers {
            properties = properties.with_header(&header.name, header.value.clone());
        }
        let id = options.id.clone();
        Self { id, properties }
    }

    /// The same, whose tasks the broker takes out of their queue `after` this time.
    #[must_use]
    pub fn with_expiration(mut self, after: Duration) -> Self {
        self.properties = self.properties.with_expiration(after.as_millis());
        self
    }

    /// A new persistent task with an id (UUID v7, unless the options say otherwise) and a timestamp.
    #[must_use]
    pub fn task(&self, body: Vec<u8>) -> Task {
        let id = match &self.id {
            Some(id) => id.0.clone(),
            None => Uuid::now_v7().to_string(),
        };
        let properties = self.properties.clone().with_id(id);
        let properties = properties.with_timestamp(seconds_since_1970());
        Task { body, properties }
    }
}

impl Task {
    /// The id, empty where another program gave none.
    #[must_use]
    pub fn id(&self) -> &str {
        self.properties.id().unwrap_or_default()
    }

    /// Whether no other task has its id: `new_task` makes such ids, with a timestamp next to them,
    /// unless the user gives one.
    #[must_use]
    pub fn has_own_id(&self) -> bool {
        let id = Uuid::try_parse(self.id());
        id.is_ok_and(|id| id.get_version_num() == 7) && self.properties.timestamp().is_some()
    }

    /// When it was sent, as far as it says so: to a millisecond where its id was made with the task,
    /// otherwise to a second.
    #[must_use]
    pub fn sent_at(&self) -> Option<SystemTime> {
        let seconds = self.properties.timestamp()?;
        let told = Duration::from_secs(seconds);
        let id = Uuid::try_parse(self.id()).ok();
        let made = id.and_then(|id| id.get_timestamp()).map(|at| {
            let (seconds, nanos) = at.to_unix();
            Duration::new(seconds, nanos)
        });
        // An id of another time was given by the user.
        let exact = made.filter(|made| made.abs_diff(told) <= Duration::from_secs(2));
        UNIX_EPOCH.checked_add(exact.unwrap_or(told))
    }

    /// A copy with these properties.
    #[must_use]
    pub fn with(&self, properties: Properties) -> Self {
        let body = self.body.clone();
        Self { body, properties }
    }

    /// The body as one harmless line, not more of it than a person reads.
    #[must_use]
    pub fn line(&self) -> String {
        line(&self.body)
    }
}

/// A body as one harmless line, not more of it than a person reads.
#[must_use]
pub fn line(body: &[u8]) -> String {
    shown(body, body.len())
}

/// The line of a body of `size` bytes, of which these are the first.
fn shown(bytes: &[u8], size: usize) -> String {
    match bytes.get(..LINE_MAX) {
        Some(begin) if size > LINE_MAX => format!("{}… ({size} bytes)", escape(begin)),
        _ => escape(bytes),
    }
}

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Text of 1 to 255 bytes, as AMQP's short strings are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortString(pub(crate) String);

impl FromStr for ShortString {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.len() {
            0 => Err("it is empty".to_owned()),
            1..=SHORT_STRING_MAX => Ok(Self(text.to_owned())),
            len => Err(format!(
                "it has {len} bytes, and AMQP allows {SHORT_STRING_MAX}"
            )),
        }
    }
}

/// One header, as `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("it should look like NAME=VALUE".to_owned());
        };
        let ShortString(name) = name.parse().map_err(|why| format!("its name: {why}"))?;
        // RabbitMQ routes by `CC` and `BCC`, which must be lists; `x-death` and its like are
        // written by the broker, `task-...` by `worker`.
        let lower = name.to_ascii_lowercase();
        if ["cc", "bcc"].contains(&lower.as_str()) || lower.starts_with("x-") {
            return Err(format!("RabbitMQ gives `{name}` a meaning of its own"));
        }
        if lower.starts_with("task-") {
            return Err("headers that begin with `task-` are written by worker".to_owned());
        }
        Ok(Self {
            name,
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
