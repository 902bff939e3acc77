//! One outcome, as it is shown.

use super::results::TaskResult;
use crate::base::duration::milliseconds;
use crate::base::escape::escape;
use crate::base::fault::Fault;
use crate::output::{Fields, Report, insert_bytes};
use serde_json::json;

/// Prints an outcome: the task's own output, or an event.
pub(super) fn print(report: &mut Report, answer: &TaskResult) -> Result<(), Fault> {
    if report.is_json() {
        report.event("result", || None, || result_fields(answer));
        report.flush();
    } else {
        report.pass_on(&answer.stdout, answer.stderr.as_bytes());
        if let Some(text) = complaint(answer) {
            report.warn(&text);
        }
    }
    match report.failure() {
        Some(fault) => Err(fault.clone()),
        None => Ok(()),
    }
}

/// What is wrong with an outcome, if anything is.
fn complaint(answer: &TaskResult) -> Option<String> {
    let id = escape(answer.id.as_bytes());
    if answer.outcome != "done" {
        let host = answer.host.as_deref().unwrap_or("a worker");
        let why = answer.error.as_deref().unwrap_or("it failed");
        return Some(format!(
            "task {id} was {} on {}: {}",
            escape(answer.outcome.as_bytes()),
            escape(host.as_bytes()),
            escape(why.as_bytes())
        ));
    }
    answer.is_truncated.then(|| {
        format!("the output of task {id} is not whole: it was too large to come back by message")
    })
}

/// An outcome as a shell tells it: the exit code, or 128 and the signal.
pub(super) fn exit_code(answer: &TaskResult) -> u8 {
    match (answer.exit_code, answer.signal) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128_u8.saturating_add(signal),
        (None, None) if answer.outcome == "done" => 0,
        (None, None) => 1,
    }
}

fn result_fields(answer: &TaskResult) -> Fields {
    let mut fields = Fields::new();
    fields.insert("id".to_owned(), json!(answer.id));
    fields.insert("outcome".to_owned(), json!(answer.outcome));
    if let Some(code) = answer.exit_code {
        fields.insert("exit_code".to_owned(), json!(code));
    }
    if let Some(signal) = answer.signal {
        fields.insert("signal".to_owned(), json!(signal));
    }
    if let Some(error) = &answer.error {
        fields.insert("error".to_owned(), json!(error));
    }
    if let Some(host) = &answer.host {
        fields.insert("host".to_owned(), json!(host));
    }
    if let Some(duration) = answer.duration {
        let milliseconds = milliseconds(duration);
        fields.insert("duration_ms".to_owned(), json!(milliseconds));
    }
    if answer.is_truncated {
        fields.insert("truncated".to_owned(), json!(true));
    }
    insert_bytes(&mut fields, "stdout", &answer.stdout);
    fields.insert("stderr".to_owned(), json!(answer.stderr));
    fields
}

/// Tells that no outcome of the task with this id will come.
pub(super) fn tell_missing(report: &mut Report, id: &str) {
    let fields = || {
        let mut fields = Fields::new();
        fields.insert("id".to_owned(), json!(id));
        fields.insert("outcome".to_owned(), json!("unanswered"));
        fields
    };
    report.event("result", || None, fields);
}
