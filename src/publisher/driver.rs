//! Does what the core says, with a real broker: connects, opens channels, waits. One thread.

use super::connecting::{self, Connecting};
use super::core::{Action, Core, FirstChannel, Form, Input};
use super::declaring::{Answer, Request, Requests};
use super::options::Results;
use super::user::{Content, Event, User};
use crate::amqp::connector::Connector;
use crate::amqp::{Channel, Link};
use crate::base::cancellation::WhenCancelled;
use crate::base::fault::{Fault, Kind};
use crate::queues::{QueueType, WorkQueue};
use crossbeam_channel::{Receiver, TryRecvError, never, select};
use std::time::{Duration, Instant};

/// Publishes between two looks at what has come back.
const BURST: usize = 64;

/// Without a channel nothing tells that the connection has ended, so that is looked for so often.
const LOOK: Duration = Duration::from_millis(500);

/// Gets a user's messages confirmed.
pub struct Driver<'a, U: User> {
    pub(super) user: &'a mut U,
    pub(super) core: Core<U::Payload>,
    connector: Connector,
    queue: WorkQueue,
    queue_type: QueueType,
    pub(super) results: Results,
    /// How long nothing may leave while a message is handed over for sending.
    patience: Duration,
    /// The node of the last connection.
    last: Option<String>,
}

/// The channel that is published on.
#[derive(Clone, Copy)]
pub(super) struct Open<'a> {
    pub(super) channel: &'a Channel,
    pub(super) requests: &'a Requests,
}

/// What is to be done where only the caller can.
pub(super) enum Step {
    /// The same again: there was much to do.
    Again,
    Wait(Option<Instant>),
    Connect {
        pause: Duration,
        look_for: Option<String>,
    },
    Disconnect,
    OpenChannel,
    Declare(Request),
    Measure,
    /// A message could not be handed over.
    Failed(Fault),
}

/// Why a channel or a connection is left.
pub(super) enum Left {
    /// All is done.
    Done,
    /// It is gone, or broken; as far as is known, why.
    Ended(Fault),
    /// The channel is gone, and the core knows.
    Closed,
    /// The core wants another channel.
    Replaced,
    /// The core wants another connection.
    GivenUp,
}

impl<'a, U: User> Driver<'a, U> {
    /// Of a `core` whose messages go to `queue`, and to those beside it, which are made for a work
    /// queue of this type.
    pub fn new(
        connector: Connector,
        queue: WorkQueue,
        queue_type: QueueType,
        core: Core<U::Payload>,
        user: &'a mut U,
    ) -> Self {
        Self {
            user,
            core,
            connector,
            queue,
            queue_type,
            results: Results::No,
            patience: Duration::from_secs(60),
            last: None,
        }
    }

    /// The same with results that come back.
    #[must_use]
    pub fn with_results(self, results: Results) -> Self {
        Self { results, ..self }
    }

    /// The same with so much patience while nothing leaves.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Publishes until all is done. What has no verdict if that fails is still in the core.
    pub fn run(mut self) -> (Core<U::Payload>, Result<(), Fault>) {
        let ended = self.over_connections();
        let told = self.tell_rest();
        let gone = self.user.channel_gone();
        (self.core, ended.and(told).and(gone))
    }

    /// Verdicts that were not given yet.
    fn tell_rest(&mut self) -> Result<(), Fault> {
        let mut told = Ok(());
        while let Some(action) = self.core.next_output() {
            let event = match action {
                Action::Confirmed {
                    number,
                    queue,
                    payload,
                } => Event::Confirmed(number, queue, payload),
                Action::Refused {
                    number,
                    payload,
                    fault,
                    scope,
                } => Event::Refused(number, payload, fault, scope),
                Action::Withdrawn { number, sent } => Event::Withdrawn(number, sent),
                _ => continue,
            };
            told = told.and(self.user.take(event));
        }
        told
    }

    fn over_connections(&mut self) -> Result<(), Fault> {
        while let Some(mut link) = self.await_link()? {
            let mut requests = Requests::new(&self.queue, self.queue_type);
            let left = self.over_connection(&mut link, &mut requests)?;
            match left {
                Left::Done => return Ok(()),
                Left::Ended(fault) => {
                    let fault = link.diagnose(fault);
                    self.core
                        .handle(Input::ConnectionLost(fault), Instant::now());
                }
                Left::GivenUp | Left::Closed | Left::Replaced => link.give_up(),
            }
            drop(link);
            self.user.channel_gone()?;
        }
        Ok(())
    }

    /// A connection, once one is wanted and stands. `None`: all is done.
    fn await_link(&mut self) -> Result<Option<Link>, Fault> {
        let nobody = never();
        let mut connecting = None;
        loop {
            let now = Instant::now();
            let until = match self.next(None, now)? {
                Step::Wait(until) => until,
                Step::Connect { .. }
                    if self.last.is_some() && self.user.is_done(&mut self.core) =>
                {
                    return Ok(None);
                }
                Step::Connect { pause, look_for } => {
                    let mut connector = self.connector.clone();
                    connector.options.expected_queue = look_for;
                    connecting = Some(connecting::connect(connector, self.last.clone(), pause));
                    continue;
                }
                // Without a connection there is nothing to do them on.
                Step::Again
                | Step::Disconnect
                | Step::OpenChannel
                | Step::Declare(_)
                | Step::Measure
                | Step::Failed(_) => continue,
            };
            if self.user.is_done(&mut self.core) && (connecting.is_none() || self.last.is_some()) {
                return Ok(None);
            }
            let attempt = connecting.as_ref().unwrap_or(&nobody);
            match self.wait(attempt, until, now)? {
                Some(Connecting::Retrying(fault)) => self.user.take(Event::Retrying(fault))?,
                Some(Connecting::Done(link)) => {
                    self.last = Some(link.address().to_owned());
                    self.user.take(Event::Connected(link.address()))?;
                    let looks = if link.looks_for_queue() {
                        FirstChannel::LooksForQueue
                    } else {
                        FirstChannel::Opens
                    };
                    self.core.handle(Input::Connected(looks), Instant::now());
                    return Ok(Some(link));
                }
                Some(Connecting::Failed(fault)) => {
                    connecting = None;
                    self.core
                        .handle(Input::ConnectFailed(fault), Instant::now());
                }
                None => {}
            }
        }
    }

    fn over_connection(&mut self, link: &mut Link, requests: &mut Requests) -> Result<Left, Fault> {
        let mut is_wanted = false;
        loop {
            if !is_wanted {
                if let Some(left) = self.without_channel(link, requests)? {
                    return Ok(left);
                }
            }
            is_wanted = false;
            let channel = match requests.channel(link) {
                Ok(channel) => channel,
                Err(fault) => match self.channel_failed(link, fault) {
                    Some(left) => return Ok(left),
                    None => continue,
                },
            };
            let left = self.over_channel(link, &channel, requests)?;
            let fault = match left {
                Left::Done => {
                    // All is safe; a goodbye that goes wrong changes nothing. It is waited for, as
                    // RabbitMQ would else log a warning for each task. The channel closes with the
                    // connection, which spares a round trip.
                    let _ = link.close();
                    drop(channel);
                    return Ok(Left::Done);
                }
                Left::Ended(fault) => Some(the_brokers_own_words(fault, channel)),
                Left::Closed => None,
                Left::Replaced => {
                    is_wanted = true;
                    None
                }
                Left::GivenUp => {
                    link.give_up();
                    return Ok(Left::GivenUp);
                }
            };
            self.user.channel_gone()?;
            if let Some(left) = fault.and_then(|fault| self.channel_failed(link, fault)) {
                return Ok(left);
            }
        }
    }

    /// A channel cannot be opened, or has ended. `None`: the connection stands.
    fn channel_failed(&mut self, link: &Link, fault: Fault) -> Option<Left> {
        let is_alive = link.is_alive();
        // The broker's words on the channel count also where the connection ended right behind it.
        let is_told = fault.kind != Kind::Lost && fault.reply().is_some();
        if !is_alive && !is_told {
            return Some(Left::Ended(fault));
        }
        self.core
            .handle(Input::ChannelClosed(fault), Instant::now());
        (!is_alive).then(|| Left::Ended(Fault::new(Kind::Lost, "the connection broke")))
    }

    /// Goes on without a channel until one is wanted; `None`: then.
    fn without_channel(
        &mut self,
        link: &mut Link,
        requests: &mut Requests,
    ) -> Result<Option<Left>, Fault> {
        loop {
            let now = Instant::now();
            let until = match self.next(None, now)? {
                Step::OpenChannel => return Ok(None),
                Step::Disconnect => return Ok(Some(Left::GivenUp)),
                Step::Declare(request) => {
                    requests.send(link, request);
                    continue;
                }
                Step::Wait(until) => until,
                Step::Again | Step::Connect { .. } | Step::Measure | Step::Failed(_) => continue,
            };
            if self.user.is_done(&mut self.core) {
                let _ = link.close();
                return Ok(Some(Left::Done));
            }
            let look = now + LOOK;
            let until = until.map_or(look, |until| until.min(look));
            let answers = requests.answers().clone();
            if let Some(answer) = self.wait(&answers, Some(until), now)? {
                let answer = requests.came(answer);
                self.declared(answer, link);
            }
            if !link.is_alive() {
                let text = "the connection broke";
                return Ok(Some(Left::Ended(Fault::new(Kind::Lost, text))));
            }
        }
    }

    /// A declaration was answered.
    pub(super) fn declared(&mut self, answer: Answer, link: &Link) {
        let now = Instant::now();
        let Answer { to, declared } = answer;
        match declared {
            Ok(declared) => {
                if let Some(queue_type) = declared.queue_type {
                    let _ = self.user.take(Event::Type(queue_type, link.series()));
                }
                let (queue_type, adopted) = (declared.queue_type, declared.adopted);
                let input = Input::Declared {
                    to,
                    queue_type,
                    adopted,
                };
                self.core.handle(input, now);
            }
            Err(fault) if fault.kind == Kind::Lost && !link.is_alive() => {
                // The end of the connection is told by itself.
            }
            Err(fault) => {
                let input = Input::DeclarationRefused { to, fault };
                self.core.handle(input, now);
            }
        }
    }

    /// Waits for something on `first`, in the user's inbox, or the deadline.
    fn wait<T>(
        &mut self,
        first: &Receiver<T>,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<T>, Fault> {
        let limit = self.limit(until, now)?;
        let nothing = never();
        let inbox = self.user.inbox().unwrap_or(&nothing);
        let when_cancelled = &self.connector.options.when_cancelled;
        let came = select! {
            recv(first) -> came => return Ok(came.ok()),
            recv(inbox) -> came => came.ok(),
            recv(when_cancelled) -> _ => return Err(interrupted("interrupted while connecting")),
            default(limit) => return Ok(None),
        };
        self.user.accept(came, &mut self.core, Instant::now());
        Ok(None)
    }

    /// How long to wait.
    pub(super) fn limit(
        &mut self,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Duration, Fault> {
        const FOR_LONG: Duration = Duration::from_secs(3600);
        let tick = self.user.tick(&mut self.core, now)?;
        let until = until.into_iter().chain(tick).min();
        Ok(until.map_or(FOR_LONG, |until| until.saturating_duration_since(now)))
    }

    pub(super) fn work_queue(&self) -> &str {
        self.queue.name.as_str()
    }

    pub(super) fn when_cancelled(&self) -> &WhenCancelled {
        &self.connector.options.when_cancelled
    }

    pub(super) fn is_cut(&self) -> bool {
        self.connector.options.when_cancelled.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Does what can be done here, and returns the next that cannot.
    pub(super) fn next(&mut self, open: Option<Open<'_>>, now: Instant) -> Result<Step, Fault> {
        let mut burst = None;
        let mut count = 0;
        loop {
            self.user.feed(&mut self.core, now);
            let event = match self.core.poll(now) {
                Action::Publish {
                    queue,
                    number,
                    payload,
                } => {
                    let Some(Open { channel, .. }) = open else {
                        let text = "there is no channel to publish on";
                        return Ok(Step::Failed(Fault::new(Kind::Lost, text)));
                    };
                    self.user.publishing(number);
                    let task = payload.task();
                    let published = burst
                        .get_or_insert_with(|| channel.burst(self.patience))
                        .publish(queue, task.properties.clone(), &task.body);
                    if let Err(fault) = published {
                        return Ok(Step::Failed(fault));
                    }
                    count += 1;
                    if count == BURST {
                        return Ok(Step::Again);
                    }
                    continue;
                }
                Action::Confirmed {
                    number,
                    queue,
                    payload,
                } => Event::Confirmed(number, queue, payload),
                Action::Refused {
                    number,
                    payload,
                    fault,
                    scope,
                } => Event::Refused(number, payload, fault, scope),
                Action::Withdrawn { number, sent } => Event::Withdrawn(number, sent),
                Action::Tell(notice) => Event::Notice(notice),
                Action::GiveUp(fault) => {
                    self.user.give_up(fault, &mut self.core)?;
                    continue;
                }
                Action::Connect { pause, look_for } => {
                    let look_for = look_for.map(str::to_owned);
                    return Ok(Step::Connect { pause, look_for });
                }
                Action::Disconnect => return Ok(Step::Disconnect),
                Action::OpenChannel => return Ok(Step::OpenChannel),
                Action::Declare {
                    to,
                    at,
                    queue,
                    form,
                } => {
                    let request = Request {
                        to: to.clone(),
                        at,
                        queue: queue.to_owned(),
                        form,
                    };
                    let Some(open) = open.filter(|_| form == Form::Blind) else {
                        return Ok(Step::Declare(request));
                    };
                    // Messages follow at once: the client library answers a refusal that comes in
                    // between two frames of one message, which ends the connection.
                    if let Err(fault) = open.requests.declare_nowait(open.channel, &request) {
                        return Ok(Step::Failed(fault));
                    }
                    continue;
                }
                Action::Measure => return Ok(Step::Measure),
                Action::Wait(until) => return Ok(Step::Wait(until)),
            };
            // What the user does with it may take long, which is nobody else's fault.
            burst = None;
            self.user.take(event)?;
        }
    }
}

/// The user wants no more.
pub(super) fn interrupted(text: &str) -> Fault {
    Fault::new(Kind::Interrupted, text)
}

/// `fault`, or why the broker closed the channel, where that is not told yet.
fn the_brokers_own_words(fault: Fault, channel: Channel) -> Fault {
    if fault.kind != Kind::Lost || fault.reply().is_some() {
        return fault;
    }
    match channel.why_closed() {
        Some(cause) if cause.reply().is_some() => cause,
        _ => fault,
    }
}
