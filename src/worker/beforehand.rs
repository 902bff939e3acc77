//! With `--no-declare`: whether the queues are there that tasks may have to go to.

use super::Worker;
use super::status::inspect;
use crate::amqp::Link;
use crate::auxiliary::Auxiliary;
use crate::fault::{Fault, Kind};
use crate::topology::Declare;

impl Worker<'_> {
    /// Looks for the queues beside the work queue, where they are not declared when they are
    /// needed, and warns if one is missing: better now than when a task has failed. Whether tasks
    /// will fail is not known, so that is no reason not to begin.
    pub(super) fn look_for_queues_beside(&self, link: &mut Link) -> Result<(), Fault> {
        let settings = &self.settings;
        if settings.queue.declare == Declare::Yes || !settings.has_command {
            return Ok(());
        }
        let delays = settings.policy.ladder().into_iter().map(Auxiliary::Delay);
        let dead = settings.may_bury();
        let dead = dead.then(|| Auxiliary::Dead(settings.dead_letters.clone()));
        for auxiliary in delays.chain(dead) {
            let name = auxiliary.name(&settings.queue.name);
            if inspect(link, &name)?.is_none() {
                self.warn(&missing(&name).to_string());
                break;
            }
        }
        Ok(())
    }
}

/// A queue beside the work queue that is neither there nor to be declared.
pub(super) fn missing(queue: &str) -> Fault {
    let text = format!(
        "there is no queue `{queue}`, where failed tasks go; with --no-declare it must be made \
         beforehand, or choose otherwise with --on-failure, --retries and --max-redeliveries"
    );
    Fault::new(Kind::Queue, text)
}
