//! Messages on a task's behalf - retries, dead letters, counted copies, results - published on a
//! thread of their own.
//!
//! It has a connection of its own, made when it is first needed: a broker that is low on memory or
//! disk blocks a connection that publishes, and acknowledgements must still pass. A message's
//! verdict comes when the broker has confirmed it, however long that takes; what the worker
//! acknowledges after that is safe elsewhere.

mod relay;

use super::core::{Outgoing, Verdict};
use super::incoming::Incoming;
use super::settings::WorkerSettings;
use crate::amqp::connector::RetryFor;
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{Config, Connect, Core, Input, Needed, Queues, Size, Upkeep};
use crate::publisher::{Driver, WINDOW_BYTES};
use crate::queues::QueueType;
use crate::task::Task;
use crossbeam_channel::{Sender, unbounded};
use relay::Relay;
use std::time::{Duration, Instant};

/// How many messages to one destination may be unconfirmed.
const WINDOW: usize = 256;

/// The way to the publisher.
pub(super) struct Publishing {
    messages: Sender<Incoming>,
    /// What the messages are, as the user is told where they wait.
    what: &'static str,
    /// It is started when it is first needed.
    requests: Option<Sender<Vec<Input<Task>>>>,
    /// What is to be passed on, together: messages that come one by one leave one by one, too, which
    /// costs the broker several times as much.
    waiting: Vec<Input<Task>>,
}

impl Publishing {
    /// Verdicts come over `messages`. The user is told that `what` waits.
    pub(super) fn new(messages: Sender<Incoming>, what: &'static str) -> Self {
        Self {
            messages,
            what,
            requests: None,
            waiting: Vec::new(),
        }
    }

    /// Publishes a message, with the next [`Publishing::pass_on`]. The settings, and the work queue's real
    /// type as far as it is known, count the first time.
    ///
    /// # Errors
    /// Where no thread can be started for it.
    pub(super) fn publish(
        &mut self,
        mut outgoing: Outgoing,
        settings: &WorkerSettings,
        queue_type: Option<QueueType>,
    ) -> Result<(), Fault> {
        if let Some(after) = outgoing.to.expiration(settings.queue.declare) {
            let task = &mut outgoing.payload;
            let properties = std::mem::take(&mut task.properties);
            task.properties = properties.with_expiration(after.as_millis());
        }
        if self.requests.is_none() {
            self.requests = Some(self.start(settings, queue_type)?);
        }
        self.waiting.push(Input::Message(outgoing));
        Ok(())
    }

    /// Has this message not sent any more, if it still can be.
    pub(super) fn withdraw(&mut self, number: u64) {
        self.waiting.push(Input::Withdraw(number));
    }

    /// Passes on what was asked for.
    pub(super) fn pass_on(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(requests) = &self.requests {
            // The thread ends only when this sender is dropped, or the user wants to stop at once.
            let _ = requests.send(waiting);
        }
    }

    fn start(
        &self,
        settings: &WorkerSettings,
        queue_type: Option<QueueType>,
    ) -> Result<Sender<Vec<Input<Task>>>, Fault> {
        let (sender, requests) = unbounded();
        let mut relay = Relay {
            requests,
            is_over: false,
            messages: self.messages.clone(),
            what: self.what,
            declare: settings.queue.declare,
            losses: 0,
        };
        let mut connector = settings.connector.clone();
        connector.retry_for = RetryFor::Forever;
        let core = Core::new(config(settings, queue_type), Instant::now());
        std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || {
                let (mut core, ended) = Driver::new(connector, core, &mut relay).run();
                if let Err(fault) = ended {
                    relay.leave(&mut core, |_| Verdict::Undecided(fault.clone()));
                }
            })
            .map_err(|error| {
                let text = format!("cannot start a thread to publish with: {error}");
                Fault::new(Kind::Lost, text)
            })?;
        Ok(sender)
    }
}

fn config(settings: &WorkerSettings, queue_type: Option<QueueType>) -> Config {
    Config {
        queues: Queues {
            work: settings.queue.clone(),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: queue_type.unwrap_or(QueueType::Classic),
            retry_delays: settings.core.policy.retry_delays(),
        },
        window: Size {
            messages: WINDOW,
            bytes: WINDOW_BYTES,
        },
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: Connect::WhenNeeded,
    }
}
