//! A command that has ended.

use serde_json::Value;
use std::fmt;
use std::process::ExitStatus;

/// A command that has ended.
pub struct Ended {
    pub(super) line: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Fails the test unless the exit code is `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// Fails the test unless stderr says `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "stderr lacks {text:?}\n{self}");
        self
    }

    /// The events of this name on stdout.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let events = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"))
        });
        events.filter(|event| event["event"] == name).collect()
    }

    /// The bodies of the events of this name.
    pub fn bodies(&self, name: &str) -> Vec<String> {
        let events = self.events(name).into_iter();
        events
            .map(|event| event["body"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "command: {}\n{}\n--- stdout\n{}--- stderr\n{}",
            self.line, self.status, self.stdout, self.stderr
        )
    }
}
