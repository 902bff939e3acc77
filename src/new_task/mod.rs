//! What `new_task` does.
//!
//! `single` sends one task and `bulk` those of a file; `start` is what both begin with. `input` reads
//! the tasks, `sending` runs [`crate::publisher`] with `sender` between the two, and `reporter` tells
//! what became of them.

mod args;
mod bulk;
mod delay;
mod event;
mod input;
mod options;
mod ordered;
mod outcome;
mod pending;
mod record;
mod reporter;
mod results;
mod sender;
mod sending;
mod single;
mod start;
mod summary;
mod unsent;

pub use args::NewTaskArgs;

use crate::base::exit_code::ExitCode;
use crate::output::Report;
use anyhow::Result;

/// Sends one task, or those of a file.
pub fn run(args: &NewTaskArgs, report: &mut Report) -> Result<ExitCode> {
    match &args.file {
        Some(path) => bulk::send(args, path, report),
        None => single::send(args, report),
    }
}
