//! Messages on a task's behalf - retries, dead letters, counted copies, results - published on a
//! thread of their own.
//!
//! It has a connection of its own, made when it is first needed: a broker that is low on memory or
//! disk blocks a connection that publishes, and acknowledgements must still pass. A message's
//! verdict comes when the broker has confirmed it, however long that takes; what the worker
//! acknowledges after that is safe elsewhere.

mod relay;
mod thread;

pub(super) use thread::PublishingSettings;

use super::core::Outgoing;
use super::incoming::Incoming;
use crate::base::fault::{Fault, Kind};
use crossbeam_channel::{Sender, unbounded};
use relay::{PublishRequest, Relay};

/// The way to the publisher.
pub(super) struct Publishing {
    messages: Sender<Incoming>,
    /// What the messages are, as the user is told where they wait.
    what: &'static str,
    /// It is started when it is first needed.
    requests: Option<Sender<PublishRequest>>,
}

impl Publishing {
    /// Verdicts come over `messages`. The user is told that `what` waits.
    pub(super) fn new(messages: Sender<Incoming>, what: &'static str) -> Self {
        Self {
            messages,
            what,
            requests: None,
        }
    }

    /// Publishes a message, with settings that count the first time.
    ///
    /// # Errors
    /// Where no thread can be started for it.
    pub(super) fn publish(
        &mut self,
        outgoing: Outgoing,
        settings: impl FnOnce() -> PublishingSettings,
    ) -> Result<(), Fault> {
        let requests = match &self.requests {
            Some(requests) => requests,
            None => self.requests.insert(self.start(settings())?),
        };
        // The thread ends only when this sender is dropped, or the user wants to stop at once.
        let _ = requests.send(PublishRequest::Publish(Box::new(outgoing)));
        Ok(())
    }

    fn start(&self, settings: PublishingSettings) -> Result<Sender<PublishRequest>, Fault> {
        let (sender, requests) = unbounded();
        let relay = Relay {
            requests,
            is_over: false,
            messages: self.messages.clone(),
            what: self.what,
            declare: settings.queue.declare,
            losses: 0,
        };
        std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || thread::run(settings, relay))
            .map_err(|error| {
                let text = format!("cannot start a thread to publish with: {error}");
                Fault::new(Kind::Lost, text)
            })?;
        Ok(sender)
    }

    /// Has this message not sent any more, if it still can be.
    pub(super) fn withdraw(&self, number: u64) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(PublishRequest::Withdraw(number));
        }
    }
}
