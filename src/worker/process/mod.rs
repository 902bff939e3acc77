//! One command for each task: found, started, fed, read, timed and reaped.

mod command;
mod environment;
mod exit_watch;
mod group;
mod job;
mod next_jobs;
mod open_files;
mod output;
mod pipe;
mod pipes;
mod pool;
mod run;
mod shell;
mod spawn;
mod told;

pub use command::TaskCommand;
pub use job::{Capture, Job, ResultWanted, StdoutTo, TimeLimits};
pub use next_jobs::Ended;
pub use open_files::make_room;
pub use output::CommandOutput;
pub use pool::Pool;
pub use run::Ran;
pub use shell::runs_body_as_code;
pub use told::{Telling, Told};
