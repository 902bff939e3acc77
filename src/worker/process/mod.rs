//! One command for each task: found, started, fed, read, timed and reaped.

mod command;
mod exit_watch;
mod group;
mod limits;
mod output;
mod pipes;
mod pool;
mod run;

pub use command::TaskCommand;
pub use limits::make_room;
pub use output::{Capture, Output, ResultWanted, StdoutTo};
pub use pool::{Job, Pool};
pub use run::{Limits, Ran};
