//! Dead letters on their way back to the work queue.

use crate::base::fault::{Fault, Kind};
use crate::output::Report;
use crate::queues::QueueType;
use crate::task::Task;
use crate::worker::core::{Destination, Outgoing, Verdict};
use crate::worker::incoming::Incoming;
use crate::worker::publishing::Publishing;
use crate::worker::settings::WorkerSettings;
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use std::time::{Duration, Instant};

/// How long the broker may take to confirm a task that is sent anew.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// Publishes dead letters to the work queue, one after the other.
pub(super) struct Replaying<'a> {
    publishing: Publishing,
    settings: &'a WorkerSettings,
    queue_type: Option<QueueType>,
    messages: Receiver<Incoming>,
    count: u64,
}

impl<'a> Replaying<'a> {
    /// Begins without a connection.
    pub(super) fn new(settings: &'a WorkerSettings, queue_type: Option<QueueType>) -> Self {
        let (sender, messages) = unbounded();
        Self {
            publishing: Publishing::new(sender, "replayed dead letters"),
            settings,
            queue_type,
            messages,
            count: 0,
        }
    }

    /// Publishes one, and waits until it is safe.
    pub(super) fn publish(&mut self, task: Task, report: &Report) -> Result<(), Fault> {
        self.count += 1;
        let outgoing = Outgoing {
            number: self.count,
            to: Destination::Work,
            payload: task,
        };
        self.publishing
            .publish(outgoing, self.settings, self.queue_type)?;
        self.publishing.pass_on();
        let deadline = Instant::now() + CONFIRM_TIMEOUT;
        let mut why = "the broker did not confirm in time".to_owned();
        loop {
            match self.messages.recv_deadline(deadline) {
                Ok(Incoming::Warning(text)) => {
                    report.warn(&text);
                    why = text;
                }
                Ok(Incoming::Verdict { verdict, .. }) => {
                    return match verdict {
                        Verdict::Confirmed(_) => Ok(()),
                        Verdict::Refused(fault) => Err(fault),
                        Verdict::Undecided(fault) => Err(self.failed(&fault.to_string())),
                        Verdict::Withdrawn => Err(self.failed(&why)),
                    };
                }
                Ok(Incoming::Signal | Incoming::Ran { .. } | Incoming::TookNext) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.publishing.withdraw(self.count);
                    self.publishing.pass_on();
                    return Err(self.failed(&why));
                }
            }
        }
    }

    fn failed(&self, why: &str) -> Fault {
        let text = format!(
            "a dead letter could not be sent to queue `{}` again ({why}); it stays a dead letter",
            self.settings.queue.name
        );
        Fault::new(Kind::NotTaken, text)
    }
}
