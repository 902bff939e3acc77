//! Dead letters: their story, and how they begin anew.

use super::headers;
use crate::task::Task;

/// The headers that a dead letter's story is told by, in this order.
pub const STORY: [&str; 6] = [
    headers::ERROR,
    headers::ATTEMPTS,
    headers::HOST,
    headers::FAILED_AT,
    headers::QUEUE,
    headers::STDERR,
];

/// The task without the story of its failures, but with one more replay: this tells it from its
/// former life where a worker remembers what it has done.
#[must_use]
pub fn begun_anew(task: &Task) -> Task {
    let replays = headers::count(task, headers::REPLAYS).saturating_add(1);
    let mut properties = task.properties.for_another_publish();
    for name in STORY.into_iter().chain([headers::REDELIVERIES]) {
        properties = properties.without_header(name);
    }
    task.with(properties.with_header(headers::REPLAYS, replays.to_string()))
}
