//! The command line: what both commands take, and how they take it. Options are parsed once, into
//! the types that the rest works with.

mod arguments;
mod common;
mod completions;
mod generate;
mod main;
mod manual;
mod mistakes;
mod parse;
pub(crate) mod sections;
mod values;

pub use arguments::CONCEALED;
pub use common::Common;
pub use generate::Generate;
pub use main::main;
pub use parse::CommandLine;
pub use sections::Documented;
pub(crate) use values::positive;
