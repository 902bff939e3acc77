//! Messages on a task's behalf - retries, dead letters, counted copies, results - published on a
//! thread of their own.
//!
//! It has a connection of its own, made when it is first needed: a broker that is low on memory or
//! disk blocks a connection that publishes, and acknowledgements must still pass. A message's
//! verdict comes when the broker has confirmed it, however long that takes; what the worker
//! acknowledges after that is safe elsewhere.

use super::Message;
use super::core::{Destination, Outgoing, Verdict};
use super::queues::missing;
use crate::amqp::Delivery;
use crate::auxiliary::Auxiliary;
use crate::connection::{Connector, RetryFor};
use crate::fault::{Fault, Kind};
use crate::publisher::core::{
    self as publishing, Config, Connect, Core, Input, Needed, Notice, Queues, Scope, Sent, Size,
    Upkeep,
};
use crate::publisher::{Driver, Event, FRAME_MAX, User, WINDOW_BYTES};
use crate::refusal;
use crate::task::Task;
use crate::topology::{Declare, QueueType, WorkQueue};
use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use std::thread;
use std::time::{Duration, Instant};

/// How many messages to one destination may be unconfirmed.
const WINDOW: usize = 256;

/// So many requests are taken in before anything else is looked at.
const AT_ONCE: usize = 256;

/// A lost connection is told by the worker; if this many follow upon each other, that is told too.
const LOSSES_BEFORE_WARNING: u32 = 5;

/// The way to the publisher.
pub(super) struct Publishing {
    messages: Sender<Message>,
    /// What the messages are, as the user is told where they wait.
    what: &'static str,
    /// It is started when it is first needed.
    requests: Option<Sender<Request>>,
}

enum Request {
    Publish(Box<Outgoing>),
    Withdraw(u64),
}

/// What the publisher must know.
#[derive(Clone)]
pub(super) struct PublishingSettings {
    pub(super) connector: Connector,
    pub(super) queue: WorkQueue,
    /// The work queue's real type, as far as is known.
    pub(super) queue_type: Option<QueueType>,
    /// Delays of which one is likely to follow upon the other.
    pub(super) ladder: Vec<Duration>,
}

impl Publishing {
    /// Verdicts come over `messages`. The user is told that `what` waits.
    pub(super) fn new(messages: Sender<Message>, what: &'static str) -> Self {
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
        let _ = requests.send(Request::Publish(Box::new(outgoing)));
        Ok(())
    }

    fn start(&self, settings: PublishingSettings) -> Result<Sender<Request>, Fault> {
        let (sender, requests) = unbounded();
        let relay = Relay {
            requests,
            is_over: false,
            messages: self.messages.clone(),
            what: self.what,
            declare: settings.queue.declare,
            losses: 0,
        };
        thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || run(settings, relay))
            .map_err(|error| {
                let text = format!("cannot start a thread to publish with: {error}");
                Fault::new(Kind::Lost, text)
            })?;
        Ok(sender)
    }

    /// Has this message not sent any more, if it still can be.
    pub(super) fn withdraw(&self, number: u64) {
        if let Some(requests) = &self.requests {
            let _ = requests.send(Request::Withdraw(number));
        }
    }
}

fn run(settings: PublishingSettings, mut relay: Relay) {
    let PublishingSettings {
        mut connector,
        queue,
        queue_type,
        ladder,
    } = settings;
    connector.retry_for = RetryFor::Forever;
    let queue_type = queue_type.unwrap_or(QueueType::Classic);
    let config = Config {
        queues: Queues {
            work: queue.clone(),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type,
            ladder,
        },
        window: Size {
            messages: WINDOW,
            bytes: WINDOW_BYTES,
        },
        frame_max: FRAME_MAX,
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: Connect::WhenNeeded,
    };
    let core = Core::new(config, Instant::now());
    let driver = Driver::new(connector, queue, queue_type, core, &mut relay);
    let (mut core, ended) = driver.run();
    if let Err(fault) = ended {
        relay.leave(&mut core, |_| Verdict::Undecided {
            fault: fault.clone(),
        });
    }
}

/// Passes on what the worker wants, and the verdicts.
struct Relay {
    requests: Receiver<Request>,
    /// The worker wants nothing more.
    is_over: bool,
    messages: Sender<Message>,
    what: &'static str,
    declare: Declare,
    /// Connections lost since something was confirmed.
    losses: u32,
}

impl Relay {
    fn verdict(&self, number: u64, verdict: Verdict) {
        // Nobody is there only where the worker has ended.
        let _ = self.messages.send(Message::Verdict { number, verdict });
    }

    fn warn(&self, text: String) {
        let _ = self.messages.send(Message::Warning(text));
    }

    /// Gives up all that has no verdict.
    fn leave(&self, core: &mut Core<Task>, verdict: impl Fn(Sent) -> Verdict) {
        for (number, _, sent) in core.take_unfinished() {
            self.verdict(number, verdict(sent));
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Lost { fault, again } => {
                self.losses += 1;
                if self.losses == LOSSES_BEFORE_WARNING && again > 0 {
                    self.warn(format!("{} wait: {fault}; trying again", self.what));
                }
            }
            Notice::Refused { queue, refusal, .. } => {
                let why = publishing::describe(&refusal, &queue, Declare::Yes);
                self.warn(format!("{} wait: {why}; trying again", self.what));
            }
            Notice::Blocked(reason) => self.warn(format!(
                "the broker takes nothing for now ({reason}); {} wait",
                self.what
            )),
            Notice::Unblocked | Notice::Adopted(_) | Notice::BacklogFull(_) => {}
        }
    }

    /// Why a message is refused, as a worker tells it.
    fn explained(&self, fault: Fault, scope: Scope) -> Fault {
        let is_not_declared = self.declare == Declare::No && scope == Scope::Destination;
        let queue = fault.reply().and_then(refusal::missing_queue);
        match queue.filter(|_| is_not_declared) {
            Some(queue) => missing(queue),
            None => fault,
        }
    }
}

impl User for Relay {
    type Payload = Task;
    type Arrival = Request;

    fn inbox(&self) -> Option<&Receiver<Request>> {
        (!self.is_over).then_some(&self.requests)
    }

    fn accept(&mut self, came: Option<Request>, core: &mut Core<Task>, now: Instant) {
        let input = match came {
            Some(Request::Publish(outgoing)) => {
                let Outgoing {
                    number,
                    to,
                    mut task,
                } = *outgoing;
                if let Destination::Delay(pause) = &to {
                    // See there.
                    let expiration = Auxiliary::Delay(*pause).expiration(self.declare);
                    if let Some(after) = expiration {
                        task.properties = task.properties.with_expiration(after.as_millis());
                    }
                }
                Input::Message(publishing::Message {
                    number,
                    to,
                    payload: task,
                })
            }
            Some(Request::Withdraw(number)) => Input::Withdraw(number),
            None => {
                self.is_over = true;
                return;
            }
        };
        core.handle(input, now);
    }

    fn feed(&mut self, core: &mut Core<Task>, now: Instant) {
        for _ in 0..AT_ONCE {
            match self.requests.try_recv() {
                Ok(request) => self.accept(Some(request), core, now),
                Err(TryRecvError::Disconnected) => return self.accept(None, core, now),
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn take(&mut self, event: Event<'_, Task>) -> Result<(), Fault> {
        match event {
            Event::Confirmed(number, queue, _) => {
                self.losses = 0;
                let queue = queue.to_string();
                self.verdict(number, Verdict::Confirmed { queue });
            }
            Event::Refused(number, _, fault, scope) => {
                let fault = self.explained(fault, scope);
                self.verdict(number, Verdict::Refused { fault });
            }
            Event::Withdrawn(number, Sent::No) => self.verdict(number, Verdict::Withdrawn),
            Event::Withdrawn(number, Sent::Perhaps) => {
                let fault = Fault::new(Kind::Lost, "the broker has not confirmed it");
                self.verdict(number, Verdict::Undecided { fault });
            }
            Event::Notice(notice) => self.notice(notice),
            // The worker's own connection tells it.
            Event::Connected(_) | Event::Retrying(_) | Event::Type(..) => {}
        }
        Ok(())
    }

    /// Nobody lets us in. Another message is another try.
    fn give_up(&mut self, fault: Fault, core: &mut Core<Task>) -> Result<(), Fault> {
        if fault.kind == Kind::Interrupted {
            return Err(fault);
        }
        self.leave(core, |_| Verdict::Refused {
            fault: fault.clone(),
        });
        Ok(())
    }

    fn tick(&mut self, _core: &mut Core<Task>, _now: Instant) -> Result<Option<Instant>, Fault> {
        Ok(None)
    }

    fn is_done(&self, core: &mut Core<Task>) -> bool {
        self.is_over && core.is_idle()
    }

    fn publishing(&mut self, _number: u64) {}

    fn answered(&mut self, _delivery: Delivery) -> Result<Option<u64>, Fault> {
        Ok(None)
    }

    fn channel_gone(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}
