//! `worker --list-dead`.

use super::dead_letters::DeadLetters;
use super::same::SameTasks;
use crate::base::escape::escape;
use crate::base::exit_code::ExitCode;
use crate::base::fault::Fault;
use crate::base::plural::counted;
use crate::output::{Report, insert_body};
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
    let (mut tasks, mut tokens) = (Vec::new(), Vec::new());
    while let Some((task, token)) = letters.next()? {
        tokens.push(token);
        if same.add(&task) == 1 {
            tasks.push(task);
        }
    }
    // A listing that nobody reads to its end leaves them where they are, too.
    for token in tokens {
        letters.give_back(token)?;
    }
    let found = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    for task in &tasks {
        show(task, same.count(task), report);
        report.flush();
    }
    let count = counted(letters.count.into(), "dead letter");
    let queue = &settings.core.dead_letters;
    report.note(&format!("{count} in queue `{queue}`"));
    letters.close(found)?;
    report.result()?;
    Ok(ExitCode::Done)
}

fn show(task: &Task, times: u32, report: &mut Report) {
    let header = |name: &str| task.properties.header(name);
    report.event(
        "dead_letter",
        || {
            let at = header(headers::FAILED_AT).unwrap_or_default();
            let error = header(headers::ERROR).unwrap_or_else(|| "no reason given".to_owned());
            let attempts = headers::count(task, headers::ATTEMPTS);
            let host = header(headers::HOST).unwrap_or_default();
            let times = match times {
                0 | 1 => String::new(),
                times => format!(" (×{times})"),
            };
            let mut lines = format!(
                "{} {}{times} after {} on {}: {}\n    {}",
                escape(at.as_bytes()),
                escape(task.id().as_bytes()),
                counted(attempts, "attempt"),
                escape(host.as_bytes()),
                escape(error.as_bytes()),
                task.line()
            );
            if let Some(stderr) = header(headers::STDERR).filter(|text| !text.is_empty()) {
                lines.push_str("\n    stderr: ");
                lines.push_str(&escape(stderr.trim_end().as_bytes()));
            }
            Some(lines)
        },
        || {
            let mut fields = json!({ "id": task.id(), "times": times });
            for name in STORY {
                fields[name.replace('-', "_")] = json!(header(name));
            }
            insert_body(&mut fields, &task.body);
            fields
        },
    );
}
