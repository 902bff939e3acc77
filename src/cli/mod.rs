//! The command line: what both commands take, and how they take it. Options are parsed once, into
//! the types that the rest works with.

mod arguments;
mod common;
mod generate;
mod main;
mod mistakes;
mod parse;
mod values;

pub use arguments::CONCEALED;
pub use common::Common;
pub use generate::Generate;
pub use main::main;
pub use parse::CommandLine;
pub(crate) use values::positive;
