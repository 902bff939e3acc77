//! Names of queues.

use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::task::{SHORT_STRING_MAX, ShortString};
use std::fmt;
use std::str::FromStr;

/// The work queue of RabbitMQ's tutorial.
pub const DEFAULT_QUEUE: &str = "task_queue";

/// A queue's name: 1 to 255 bytes, and not one that the broker keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueName(String);

impl QueueName {
    /// The name as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the dead letters of this queue go unless the user says otherwise.
    ///
    /// # Errors
    /// [`Kind::SetUp`] if the names of the queues next to this one would be too long.
    pub fn dead_letters(&self) -> Result<Self, Fault> {
        const LONGEST_SUFFIX: usize = ".delay.4294967295".len();
        if self.0.len() + LONGEST_SUFFIX > SHORT_STRING_MAX {
            let text = format!(
                "the queue name `{self}` is too long: at most {} bytes, as its delay and dead-letter queues need longer names",
                SHORT_STRING_MAX - LONGEST_SUFFIX
            );
            return Err(Fault::new(Kind::SetUp, text));
        }
        Ok(Self(format!("{}.dead", self.0)))
    }
}

impl FromStr for QueueName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("amq.") {
            return Err("names that begin with `amq.` are reserved for the broker".to_owned());
        }
        text.parse().map(|ShortString(name)| Self(name))
    }
}

/// The name as it is shown.
impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_declared_are_refused() {
        assert!("".parse::<QueueName>().is_err());
        assert!("amq.gen-x".parse::<QueueName>().is_err());
        assert!("q".repeat(256).parse::<QueueName>().is_err());
        assert_eq!("q".repeat(255).parse::<QueueName>().unwrap().0.len(), 255);
        assert_eq!(
            "a\x1bb".parse::<QueueName>().unwrap().to_string(),
            r"a\x1bb"
        );
    }
}
