//! What `new_task` does.
//!
//! `single` sends one task and `bulk` those of a file. `input` reads the tasks, `sending` runs
//! [`crate::publisher`] with `sender` between the two, and `reporter` tells what became of them.
//! `outcomes` prints results, and writes them into `joblog`; `halt` says when they are enough.
//! `sections` is the end of its help text.

mod args;
mod bulk;
mod collect;
mod counts;
mod delay;
mod ended;
mod expiry;
mod halt;
mod halting;
mod input;
mod joblog;
mod later;
mod listed_task;
mod metrics_file;
mod missing;
mod ordered;
mod outcome;
mod outcome_args;
mod outcomes;
mod pending;
mod preview;
mod record;
mod reporter;
mod result_args;
mod results;
mod run_time;
mod sections;
mod sender;
mod sending;
mod set_up;
mod single;
mod summary;
mod task_result;
mod unsent;
mod workers;

pub use args::NewTaskArgs;

use crate::base::exit_code::ExitCode;
use crate::output::Report;

/// Sends one task, or those of a file, or collects results.
pub fn run(args: &NewTaskArgs, report: &mut Report) -> anyhow::Result<ExitCode> {
    match (&args.results.collect, &args.file) {
        (Some(name), _) => collect::run(args, name, report),
        (None, Some(path)) => bulk::send(args, path, report),
        (None, None) => single::send(args, report),
    }
}
