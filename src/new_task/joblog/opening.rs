//! Opens the log, as the options want it.

use super::super::args::NewTaskArgs;
use super::super::reporter::Reporter;
use super::{JobLog, LoggedTasks};
use crate::base::fault::Fault;

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
    let (log, logged, is_cut) = JobLog::resume(path, again)?;
    if is_cut {
        let path = path.display();
        reporter.report.note(&format!(
            "the last line of {path} is cut off and does not count"
        ));
    }
    reporter.outcomes.log_to(log);
    Ok(Some(logged))
}
