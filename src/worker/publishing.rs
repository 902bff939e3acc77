//! Messages on a task's behalf, handed to whoever publishes.

use super::Message;
use super::core::{Destination, Outgoing, Verdict};
use super::postman::{self, Letter, Postman};
use super::settings::Settings;
use crate::auxiliary::Auxiliary;
use crate::fault::{Fault, Kind};
use crate::topology::QueueType;
use crossbeam_channel::Sender;

/// The way to the publisher.
pub(super) struct Publishing {
    sender: Sender<Message>,
    /// Started when it is first needed.
    postman: Option<Postman>,
}

impl Publishing {
    /// Verdicts come over `sender`.
    pub(super) fn new(sender: Sender<Message>) -> Self {
        let postman = None;
        Self { sender, postman }
    }

    /// Publishes a message, beside a work queue of this type.
    ///
    /// # Errors
    /// Where no thread can be started for it.
    pub(super) fn publish(
        &mut self,
        outgoing: Outgoing,
        settings: &Settings,
        queue_type: Option<QueueType>,
    ) -> Result<(), Fault> {
        let Outgoing {
            number,
            to,
            mut task,
        } = outgoing;
        let to = match to {
            Destination::Work => postman::Destination::Work,
            Destination::Delay(pause) => {
                let delay = Auxiliary::Delay(pause);
                if let Some(after) = delay.expiration(settings.queue.declare) {
                    task.properties = task.properties.with_expiration(after.as_millis());
                }
                postman::Destination::Beside(delay)
            }
            Destination::Dead(queue) => postman::Destination::Beside(Auxiliary::Dead(queue)),
            Destination::Reply(to) => postman::Destination::Answer(to),
        };
        let letter = Letter { number, to, task };
        if let Some(postman) = &self.postman {
            postman.post(letter);
            return Ok(());
        }
        let started = Postman::start(
            &settings.connector,
            &settings.queue,
            queue_type.unwrap_or(QueueType::Classic),
            settings.core.policy.ladder(),
            self.sender.clone(),
        );
        let postman = started.map_err(|error| {
            let text = format!("cannot start a thread for retries: {error}");
            Fault::new(Kind::Lost, text)
        })?;
        postman.post(letter);
        self.postman = Some(postman);
        Ok(())
    }
}

/// What an answer of the publisher's means.
pub(super) fn verdict(queue: String, result: Result<(), Fault>) -> Verdict {
    match result {
        Ok(()) => Verdict::Confirmed { queue },
        Err(fault) if fault.is_transient() => Verdict::Undecided { fault },
        Err(fault) => Verdict::Refused { fault },
    }
}
