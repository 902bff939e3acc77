//! What is told, to people and to programs: lines, JSON events and progress bars.

mod format;
mod json;
pub mod progress;
mod report;
mod screen;
mod tagged;

pub use format::{Color, LogFormat};
pub use report::{Fields, Report, Verbosity, insert_body, insert_bytes, not_written};
