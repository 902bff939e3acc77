//! What a worker shows and does without working: `--status`, `--list-dead`, `--replay-dead`.

mod dead_letters;
mod replaying;
mod status;

pub use dead_letters::{list, replay};
pub use status::show;
