//! Opens the log, as the options want it.

use super::super::args::NewTaskArgs;
use super::super::reporter::Reporter;
use super::{Again, JobLog, LoggedTasks};
use crate::base::fault::Fault;
use std::path::Path;

/// Has results logged, where that is wanted. The tasks that the log has already, where they matter.
///
/// # Errors
/// The log cannot be used.
pub(in super::super) fn open(
    args: &NewTaskArgs,
    reporter: &mut Reporter<'_>,
) -> Result<Option<LoggedTasks>, Fault> {
    let Some(path) = &args.outcomes.joblog else {
        return Ok(None);
    };
    let Some(again) = args.outcomes.again() else {
        reporter.outcomes.log_to(JobLog::create(path)?);
        return Ok(None);
    };
    Ok(Some(go_on(path, again, reporter)?))
}

/// Has collected results added to the log, where that is wanted: what is in it was collected before.
///
/// # Errors
/// The log cannot be used.
pub(in super::super) fn open_to_add(
    args: &NewTaskArgs,
    reporter: &mut Reporter<'_>,
) -> Result<(), Fault> {
    match &args.outcomes.joblog {
        Some(path) if is_pipe(path) => reporter.outcomes.log_to(JobLog::create(path)?),
        Some(path) => drop(go_on(path, Again::Nothing, reporter)?),
        None => {}
    }
    Ok(())
}

/// Whether it is there and keeps nothing.
fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

fn go_on(path: &Path, again: Again, reporter: &mut Reporter<'_>) -> Result<LoggedTasks, Fault> {
    let (log, logged, is_cut) = JobLog::resume(path, again)?;
    if is_cut {
        let path = path.display();
        reporter.report.note(&format!(
            "the last line of {path} is cut off and does not count"
        ));
    }
    reporter.outcomes.log_to(log);
    Ok(logged)
}
