//! With `--no-declare`: whether the queues are there that tasks may have to go to.

use super::Worker;
use super::status::inspect;
use crate::amqp::Link;
use crate::auxiliary::Auxiliary;
use crate::fault::{Fault, Kind};
use crate::topology::Declare;

impl Worker<'_> {
    /// Looks for the queues beside the work queue, where they are not declared when they are
    /// needed: better now than when a task has failed and can go nowhere.
    ///
    /// # Errors
    /// [`Kind::Queue`] if one is missing.
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
                return Err(missing(&name));
            }
        }
        Ok(())
    }
}

/// A queue beside the work queue that is neither there nor to be declared.
pub(super) fn missing(queue: &str) -> Fault {
    let text = format!(
        "there is no queue `{queue}`, where failed tasks would go; with --no-declare it must be made \
         beforehand, or choose otherwise with --on-failure, --retries and --max-redeliveries"
    );
    Fault::new(Kind::Queue, text)
}
