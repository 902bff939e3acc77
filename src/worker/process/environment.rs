//! What a command finds in its environment: the worker's own, and what it may want to know of its task.
//!
//! The worker's own is made once. To copy it for each task would take longer than all else that the
//! worker does to start a command.

use super::job::Job;
use crate::cli::CONCEALED;
use crate::task::TRACE_CONTEXT;
use crate::worker::core::headers;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

/// They may hold a password, and the command has no business with the broker; or they would speak for the
/// worker.
const NOT_PASSED_ON: [&str; 6] = [
    "AMQP_URL",
    "AMQP_MANAGEMENT_URL",
    CONCEALED,
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
];

const SLOT: &str = "WORKER_SLOT";

const ID: &str = "TASK_ID";
const QUEUE: &str = "TASK_QUEUE";
const ATTEMPT: &str = "TASK_ATTEMPT";
const REDELIVERED: &str = "TASK_REDELIVERED";
const PRIORITY: &str = "TASK_PRIORITY";
const TIMESTAMP: &str = "TASK_TIMESTAMP";

/// All that describe a task.
const OF_TASK: [&str; 7] = [ID, QUEUE, ATTEMPT, REDELIVERED, PRIORITY, TIMESTAMP, SLOT];

/// What holds a header begins with this.
const HEADER: &str = "TASK_HEADER_";

/// What the commands of a worker have in common.
#[derive(Debug)]
pub(super) struct Environment {
    own: Vec<CString>,
}

impl Environment {
    /// That of commands for the tasks of `queue`, where the worker itself has `own`.
    pub(super) fn new(own: impl Iterator<Item = (OsString, OsString)>, queue: &str) -> Self {
        let own = own.filter(|(name, _)| is_passed_on(name));
        let own = own.map(|(name, value)| variable(name.as_bytes(), value.as_bytes()));
        let queue = variable(QUEUE.as_bytes(), queue.as_bytes());
        Self {
            own: own.chain([queue]).collect(),
        }
    }

    /// With what `task` tells of a job.
    pub(super) fn with<'a>(&'a self, task: &'a TaskVariables) -> Vec<&'a CStr> {
        self.own
            .iter()
            .chain(task.0.values())
            .map(AsRef::as_ref)
            .collect()
    }
}

/// What describes the worker's own task is not passed on, if it runs for one: nor is its trace.
fn is_passed_on(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let traces = TRACE_CONTEXT.into_iter().map(|(_, variable)| variable);
    let mut others = NOT_PASSED_ON.into_iter().chain(OF_TASK).chain(traces);
    !(name.starts_with(HEADER.as_bytes()) || others.any(|other| other.as_bytes() == name))
}

/// The variables that describe a task, by name.
#[derive(Debug, Default)]
pub(super) struct TaskVariables(BTreeMap<Cow<'static, str>, CString>);

impl TaskVariables {
    /// Those of the task of this job.
    pub(super) fn of(job: &Job) -> Self {
        let task = &job.start.task;
        let properties = &task.properties;
        let mut all = Self::default();
        all.set(ID, task.id());
        let attempt = headers::attempt(task).to_string();
        all.set(ATTEMPT, &attempt);
        let redelivered = if job.start.redelivered { "1" } else { "0" };
        all.set(REDELIVERED, redelivered);
        all.set(SLOT, &(job.start.slot + 1).to_string());
        if let Some(priority) = properties.priority() {
            all.set(PRIORITY, &priority.to_string());
        }
        if let Some(timestamp) = properties.timestamp() {
            all.set(TIMESTAMP, &timestamp.to_string());
        }
        for (name, value) in properties.headers() {
            if !headers::is_ours(name) {
                all.set(header_variable(name), &value);
            }
        }
        for (header, variable) in TRACE_CONTEXT {
            if let Some(value) = properties.header(header) {
                all.set(variable, &value);
            }
        }
        all
    }

    /// Of two with the same name, as of headers that differ in case, the last counts.
    fn set(&mut self, name: impl Into<Cow<'static, str>>, value: &str) {
        let name = name.into();
        let variable = variable(name.as_bytes(), value.as_bytes());
        self.0.insert(name, variable);
    }
}

/// `TASK_HEADER_` and the header's name in upper case, with `_` for what is no letter or digit.
fn header_variable(header: &str) -> String {
    let upper = header.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    format!("{HEADER}{}", upper.collect::<String>())
}

/// A variable ends at a NUL, so it cannot hold one.
fn variable(name: &[u8], value: &[u8]) -> CString {
    let mut text = Vec::with_capacity(name.len() + value.len() + 2);
    text.extend_from_slice(name);
    text.push(b'=');
    text.extend(value.iter().filter(|byte| **byte != 0));
    CString::new(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_become_variables() {
        assert_eq!(
            header_variable("content-kind.2"),
            "TASK_HEADER_CONTENT_KIND_2"
        );
        assert_eq!(header_variable("ü="), "TASK_HEADER___");
    }

    #[test]
    fn what_is_not_the_command_s_is_not_passed_on() {
        let own = |name: &str| (name.into(), "x".into());
        let names = [
            "PATH",
            "AMQP_URL",
            "TASK_ID",
            "TASK_HEADER_X",
            "WORKER_SLOT",
        ];
        let names = names
            .into_iter()
            .chain(["TRACEPARENT", "NOTIFY_SOCKET", "TASK_DB"]);
        let environment = Environment::new(names.map(own), "q");
        let task = TaskVariables::default();
        let all = environment.with(&task);
        assert_eq!(all, [c"PATH=x", c"TASK_DB=x", c"TASK_QUEUE=q"]);
    }

    #[test]
    fn of_two_with_the_same_name_the_last_counts() {
        let mut task = TaskVariables::default();
        task.set("A", "1");
        task.set("B", "2");
        task.set("A", "3\0 4");
        let environment = Environment { own: Vec::new() };
        assert_eq!(environment.with(&task), [c"A=3 4", c"B=2"]);
    }
}
