//! The log of results (`--joblog`), in the format of GNU parallel, and what it says of an earlier run
//! (`--resume`).

mod file;
mod line;
mod logged;
mod opening;

pub(super) use file::JobLog;
pub(super) use logged::{Again, LoggedTasks};
pub(super) use opening::{open, open_to_add};
