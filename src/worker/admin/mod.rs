//! What a worker shows and does without working: `--status`, `--list-dead`, `--replay-dead`.

mod dead_letters;
mod replaying;
mod status;

pub use dead_letters::{list, replay};
pub use status::show;

use super::settings::WorkerSettings;
use crate::amqp::Link;
use crate::base::fault::Fault;
use crate::output::Report;

fn connect(settings: &WorkerSettings, report: &Report) -> Result<Link, Fault> {
    let retrying = |fault: &Fault| report.warn(&format!("{fault}; retrying"));
    settings.connector.connect(None, retrying)
}
