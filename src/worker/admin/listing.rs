//! `worker --list-dead`.

use super::dead_letters::DeadLetters;
use super::same::SameTasks;
use crate::base::escape::escape;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::plural::counted;
use crate::output::{Fields, Report, insert_body};
use crate::task::Task;
use crate::worker::core::headers;
use crate::worker::core::replay::STORY;
use crate::worker::settings::WorkerSettings;
use serde_json::json;

/// Shows the dead letters. They stay where they are: they are taken and given back, so that for a
/// moment other listings miss them.
pub fn list(
    settings: &WorkerSettings,
    only: Option<&str>,
    report: &mut Report,
) -> Result<ExitCode, Fault> {
    let mut letters = DeadLetters::open(settings, only, report)?;
    let mut same = SameTasks::default();
    // Bodies are not kept: there may be more of them than memory.
    let (mut shown, mut tokens) = (Vec::new(), Vec::new());
    let mut found = 0;
    while let Some((task, token)) = letters.next()? {
        tokens.push(token);
        found += 1;
        let is_repeated = same.add(&task) > 1;
        if report.is_json() {
            report.silent("dead_letter", || fields(&task, is_repeated));
            report.flush();
            report.result()?;
        } else if !is_repeated {
            shown.push((same.key(&task), lines(&task)));
        }
    }
    for token in tokens {
        letters.give_back(token)?;
    }
    for (key, [head, rest]) in shown {
        let times = match same.count(key) {
            0 | 1 => String::new(),
            times => format!(" (×{times})"),
        };
        let line = || Some(format!("{head}{times}{rest}"));
        report.event("dead_letter", line, || json!({}));
        report.flush();
    }
    let count = counted(letters.count.into(), "dead letter");
    let queue = &settings.core.dead_letters;
    report.note(&format!("{count} in queue `{queue}`"));
    letters.close(found)?;
    report.result()?;
    Ok(ExitCode::Done)
}

/// A letter as people read it: the time and the id, then the rest.
fn lines(task: &Task) -> [String; 2] {
    let header = |name: &str| task.properties.header(name);
    let at = header(headers::FAILED_AT).unwrap_or_default();
    let error = header(headers::ERROR).unwrap_or_else(|| "no reason given".to_owned());
    let attempts = headers::count(task, headers::ATTEMPTS);
    let host = header(headers::HOST).unwrap_or_default();
    let head = format!("{} {}", escape(at.as_bytes()), escape(task.id().as_bytes()));
    let mut rest = format!(
        " after {} on {}: {}\n    {}",
        counted(attempts, "attempt"),
        escape(host.as_bytes()),
        escape(error.as_bytes()),
        task.line()
    );
    if let Some(stderr) = header(headers::STDERR).filter(|text| !text.is_empty()) {
        rest.push_str("\n    stderr: ");
        rest.push_str(&escape(stderr.trim_end().as_bytes()));
    }
    [head, rest]
}

/// A letter as programs read it: each one, and whether there was one of the same task before.
fn fields(task: &Task, is_repeated: bool) -> Fields {
    let mut fields = json!({ "id": task.id(), "repeated": is_repeated });
    for name in STORY {
        fields[name.replace('-', "_")] = json!(task.properties.header(name));
    }
    insert_body(&mut fields, &task.body);
    fields
}
