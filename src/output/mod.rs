//! What is told, to people and to programs: lines, JSON events, progress bars and metrics.

mod format;
mod json;
pub mod progress;
mod prometheus;
mod report;
mod screen;
mod tagged;

pub use format::{Color, LogFormat};
pub use prometheus::MetricsFormat;
pub use report::{Fields, Report, Verbosity, insert_body, insert_bytes, not_written};
