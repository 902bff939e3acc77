//! How many tasks workers hold, where the management API may be asked.

use crate::base::fault::{Fault, Kind};
use crate::management::Management;
use crate::output::Report;
use crate::queues::QueueName;
use std::time::{Duration, Instant};

/// When an API that told nothing is asked again: it may have taken all of its time.
const PAUSE: Duration = Duration::from_secs(10);

/// The API is asked for a tenth of the time at most. Before RabbitMQ 3.13.1 it looks at each queue
/// of the vhost, which takes 0.1 ms a queue.
const SHARE: u32 = 10;

/// The number of unacknowledged tasks, and when to ask for it again.
pub(super) struct Unacknowledged<'a> {
    management: Option<&'a Management>,
    last: Option<u64>,
    next: Option<Instant>,
    has_warned: bool,
}

impl<'a> Unacknowledged<'a> {
    /// Not asked yet.
    pub(super) fn new(management: Option<&'a Management>) -> Self {
        Self {
            management,
            last: None,
            next: None,
            has_warned: false,
        }
    }

    /// The number, if the API tells it. If not, that is told once, until it works again.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] when the user wants to stop.
    pub(super) fn count(
        &mut self,
        queue: &QueueName,
        report: &Report,
    ) -> Result<Option<u64>, Fault> {
        let begun = Instant::now();
        let Some(management) = self.management else {
            return Ok(None);
        };
        if self.next.is_some_and(|next| begun < next) {
            return Ok(self.last);
        }
        let pause = match management.unacknowledged(queue) {
            Ok(count) => {
                self.last = Some(count);
                self.has_warned = false;
                begun.elapsed() * SHARE
            }
            Err(fault) if fault.kind == Kind::Interrupted => return Err(fault),
            Err(fault) => {
                self.last = None;
                if !self.has_warned {
                    report.warn(&format!("unacknowledged tasks are not shown: {fault}"));
                    self.has_warned = true;
                }
                PAUSE
            }
        };
        self.next = Some(Instant::now() + pause);
        Ok(self.last)
    }
}
