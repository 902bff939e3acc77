//! The command lines. Options are parsed once, into the types that the rest works with.

mod common;
mod generate;
mod new_task;
mod parse;
mod worker;

pub(crate) use common::duration;
pub use common::{Color, Common, LogFormat};
pub use generate::Generate;
pub use new_task::NewTaskArgs;
pub use parse::parse;
pub use worker::WorkerArgs;
