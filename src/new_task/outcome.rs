//! One outcome, as it is shown.

use super::task_result::TaskResult;
use crate::base::duration::milliseconds;
use crate::base::escape::escape;
use crate::base::fault::Fault;
use crate::output::{Fields, Report, insert_body, insert_bytes};
use crate::task::TaskBody;
use serde_json::json;

/// Prints an outcome: the task's own output, each line behind `tag` if there is one, or an event with
/// this body of its task.
pub(super) fn print(
    report: &mut Report,
    answer: &TaskResult,
    tag: Option<&str>,
    body: Option<&TaskBody>,
) -> Result<(), Fault> {
    if report.is_json() {
        report.silent("result", || result_fields(answer, body));
        report.flush();
    } else {
        report.pass_on(&answer.stdout, answer.stderr.as_bytes(), tag);
        if let Some(text) = complaint(answer) {
            report.warn(&text);
        }
    }
    report.result()
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
    answer
        .is_truncated
        .then(|| format!("the output of task {id} is cut: it was too large for a message"))
}

/// Whether the task was done.
pub(super) fn is_success(answer: &TaskResult) -> bool {
    answer.outcome == "done" && exit_code(answer) == 0
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

fn result_fields(answer: &TaskResult, body: Option<&TaskBody>) -> Fields {
    let mut fields = json!({ "id": answer.id, "outcome": answer.outcome });
    if let Some(body) = body {
        insert_body(&mut fields, &body.bytes);
        fields["body_size"] = json!(body.size);
    }
    if let Some(code) = answer.exit_code {
        fields["exit_code"] = json!(code);
    }
    if let Some(signal) = answer.signal {
        fields["signal"] = json!(signal);
    }
    if let Some(error) = &answer.error {
        fields["error"] = json!(error);
    }
    if let Some(host) = &answer.host {
        fields["host"] = json!(host);
    }
    if let Some(duration) = answer.time.took {
        fields["duration_ms"] = json!(milliseconds(duration));
    }
    if answer.is_truncated {
        fields["truncated"] = json!(true);
    }
    insert_bytes(&mut fields, "stdout", &answer.stdout);
    fields["stderr"] = json!(answer.stderr);
    fields
}
