//! One connection: how it is made, and what is done on it besides publishing.

use super::Driver;
use super::step::{Left, NextStep};
use crate::amqp::{Channel, Connecting, Link};
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{FirstChannel, Input};
use crate::publisher::declaring::{Answer, Requests};
use crate::publisher::user::User;
use crossbeam_channel::never;
use std::time::{Duration, Instant};

/// How often to look whether the connection has ended: without a channel nothing tells it.
const LOOK: Duration = Duration::from_millis(500);

impl<U: User> Driver<'_, U> {
    /// A connection, once one is wanted and stands. `None`: all is done.
    pub(super) fn await_link(&mut self) -> Result<Option<Link>, Fault> {
        let nobody = never();
        let mut connecting = None;
        loop {
            let now = Instant::now();
            let until = match self.next(None, now)? {
                NextStep::Wait(until) => until,
                NextStep::Connect { .. }
                    if self.last.is_some() && self.user.is_done(&mut self.core) =>
                {
                    return Ok(None);
                }
                NextStep::Connect { pause, look_for } => {
                    let mut connector = self.connector.clone();
                    connector.options.expected_queue = look_for;
                    if self.only_connects(pause, now)? {
                        match connector.connect(None, |fault| self.user.retrying(fault)) {
                            Ok(link) => return self.connected(link).map(Some),
                            Err(fault) if fault.kind == Kind::Interrupted => return Err(fault),
                            Err(fault) => self.connect_failed(fault),
                        }
                        continue;
                    }
                    match connector.connect_on_thread(self.last.clone(), pause) {
                        Ok(steps) => connecting = Some(steps),
                        Err(fault) => self.connect_failed(fault),
                    }
                    continue;
                }
                // Without a connection there is nothing to do them on.
                NextStep::Again
                | NextStep::Disconnect
                | NextStep::OpenChannel
                | NextStep::Declare(_)
                | NextStep::Measure
                | NextStep::Failed(_) => continue,
            };
            if self.user.is_done(&mut self.core) && (connecting.is_none() || self.last.is_some()) {
                return Ok(None);
            }
            let attempt = connecting.as_ref().unwrap_or(&nobody);
            match self.wait(attempt, until, now)? {
                Some(Connecting::Retrying(fault)) => self.user.retrying(&fault),
                Some(Connecting::Done(link)) => return self.connected(link).map(Some),
                Some(Connecting::Failed(fault)) => {
                    connecting = None;
                    self.connect_failed(fault);
                }
                None => {}
            }
        }
    }

    /// Whether nothing else can happen until there is a connection. Then a thread for it would only
    /// cost time: a tenth of a millisecond, where all of a task's way takes seven.
    fn only_connects(&mut self, pause: Duration, now: Instant) -> Result<bool, Fault> {
        let is_first = self.last.is_none() && pause.is_zero();
        let is_alone = is_first && self.user.inbox().is_none();
        Ok(is_alone && self.user.tick(&mut self.core, now)?.is_none())
    }

    fn connected(&mut self, link: Link) -> Result<Link, Fault> {
        self.last = Some(link.address().to_owned());
        self.user.connected(link.address())?;
        let looks = if link.looks_for_queue() {
            FirstChannel::LooksForQueue
        } else {
            FirstChannel::Opens
        };
        self.core.handle(Input::Connected(looks), Instant::now());
        Ok(link)
    }

    fn connect_failed(&mut self, fault: Fault) {
        self.core
            .handle(Input::ConnectFailed(fault), Instant::now());
    }

    pub(super) fn over_connection(
        &mut self,
        link: &mut Link,
        requests: &mut Requests,
    ) -> Result<Left, Fault> {
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
                NextStep::OpenChannel => return Ok(None),
                NextStep::Disconnect => return Ok(Some(Left::GivenUp)),
                NextStep::Declare(request) => {
                    requests.send(link, request);
                    continue;
                }
                NextStep::Wait(until) => until,
                NextStep::Again
                | NextStep::Connect { .. }
                | NextStep::Measure
                | NextStep::Failed(_) => continue,
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
        let Answer { queue, declared } = answer;
        match declared {
            Ok(declared) => {
                if let Some(queue_type) = declared.queue_type {
                    self.user.queue_is_of(queue_type, link.series());
                }
                let (queue_type, adopted) = (declared.queue_type, declared.adopted);
                let input = Input::Declared {
                    queue,
                    queue_type,
                    adopted,
                };
                self.core.handle(input, now);
            }
            Err(fault) if fault.kind == Kind::Lost && !link.is_alive() => {
                // The end of the connection is told by itself.
            }
            Err(fault) => {
                let input = Input::DeclarationRefused { queue, fault };
                self.core.handle(input, now);
            }
        }
    }
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
