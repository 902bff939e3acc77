//! One channel: what is published on it, and what comes back.

use super::results::{Listen, Listening};
use super::step::{Left, NextStep};
use super::{Driver, interrupted, result_acks};
use crate::amqp::{Channel, Confirms, Delivery, Heard, Link, PublishNews, Waited};
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{Form, Input};
use crate::publisher::declaring::Requests;
use crate::publisher::user::User;
use crossbeam_channel::never;
use std::num::NonZeroU16;
use std::time::Instant;

/// Why a channel is left alone for a moment, or for good.
enum Ended {
    Left(Left),
    /// Results are to be received with this prefetch.
    Listens(NonZeroU16),
}

/// How many of the broker's notices are taken before the clock is looked at again, so that notices
/// without end keep no time-out from being noticed.
const AT_ONCE: usize = 1024;

impl<U: User> Driver<'_, U> {
    /// Publishes on `channel` until all is done or it is of no more use.
    pub(super) fn over_channel(
        &mut self,
        link: &mut Link,
        channel: &Channel,
        requests: &mut Requests,
    ) -> Result<Left, Fault> {
        self.newest_result = 0;
        let mut listening = match self.listen(link, channel)? {
            Listen::To(listening) => listening,
            Listen::Left(left) => return Ok(left),
        };
        let mut confirms = match channel.confirms(link) {
            Ok(confirms) => confirms,
            Err(fault) => return Ok(Left::Ended(fault)),
        };
        if let Some(listening) = &listening {
            confirms.listen_to(&listening.consuming);
        }
        self.core.handle(Input::ChannelOpened, Instant::now());
        let mut left = loop {
            let left = self.pump(link, channel, &mut confirms, requests, listening.as_mut());
            let prefetch = match left {
                Ok(Ended::Left(left)) => break Ok(left),
                Err(fault) => break Err(fault),
                Ok(Ended::Listens(prefetch)) => prefetch,
            };
            let Some(before) = listening.take() else {
                continue;
            };
            match self.listen_with(link, before, prefetch) {
                Ok(Some(more)) => confirms.listen_to(&listening.insert(more).consuming),
                // Another channel finds out why.
                Ok(None) => break Ok(Left::Replaced),
                Err(fault) => break Err(fault),
            }
        };
        // What came before the end still counts.
        let taken = self.take_notices(&mut confirms);
        let before = link.written();
        let is_usable = !matches!(left, Ok(Left::Ended(_) | Left::GivenUp));
        let has_acked = is_usable && self.ack_rest(channel);
        if has_acked && (left.is_err() || taken.is_err()) {
            // The connection is not closed, but ended.
            result_acks::await_leaving(link, before);
        }
        taken?;
        if listening.is_some() {
            if let Ok(Left::Ended(fault)) = &mut left {
                let cause = confirms.take_cause();
                if let (None, Some(cause)) = (fault.reply(), cause) {
                    *fault = cause;
                }
            }
            let is_told = matches!(&left, Ok(Left::Ended(fault)) if fault.reply().is_some());
            if !is_told && !matches!(left, Ok(Left::Done | Left::Replaced)) {
                // Otherwise the end of the consumer would wait for a broker that says nothing.
                link.give_up();
            }
        }
        if matches!(left, Ok(Left::Done)) {
            self.delete_results(channel);
        }
        left
    }

    fn pump(
        &mut self,
        link: &mut Link,
        channel: &Channel,
        confirms: &mut Confirms<'_>,
        requests: &mut Requests,
        mut listening: Option<&mut Listening<'_>>,
    ) -> Result<Ended, Fault> {
        loop {
            confirms.hear_of(link);
            self.take_notices(confirms)?;
            let now = Instant::now();
            if let Err(fault) = self.ack_due(channel, listening.as_deref_mut(), now) {
                return Ok(Ended::Left(Left::Ended(fault)));
            }
            let (newest, held) = (self.newest_result, self.user.held_results());
            let to = listening.as_deref_mut();
            if let Some(prefetch) = to.and_then(|to| to.better(newest, held)) {
                return Ok(Ended::Listens(prefetch));
            }
            if self.is_cancelled() {
                return Err(interrupted("interrupted"));
            }
            self.core.handle(Input::Written(link.written()), now);
            let until = match self.next(Some((channel, requests)), now)? {
                NextStep::Again | NextStep::Connect { .. } => continue,
                NextStep::Failed(fault) => return Ok(Ended::Left(Left::Ended(fault))),
                NextStep::Disconnect => return Ok(Ended::Left(Left::GivenUp)),
                NextStep::OpenChannel => return Ok(Ended::Left(Left::Replaced)),
                NextStep::Declare(request) => {
                    if request.form != Form::Check {
                        requests.send(link, request);
                        continue;
                    }
                    if let Err(fault) = channel.inspect(&request.queue) {
                        return Ok(Ended::Left(Left::Ended(fault)));
                    }
                    let input = Input::Declared {
                        queue: request.queue,
                        queue_type: None,
                        adopted: None,
                    };
                    self.core.handle(input, Instant::now());
                    continue;
                }
                NextStep::Measure => match self.measure(link, channel) {
                    None => continue,
                    Some(left) => return Ok(Ended::Left(left)),
                },
                NextStep::Wait(until) => until,
            };
            if self.user.is_done(&mut self.core) {
                return Ok(Ended::Left(Left::Done));
            }
            let look = self.user.wants_consumers(&mut self.core);
            if look.is_some_and(|at| at <= now) {
                self.look_for_consumers(link);
                continue;
            }
            // The core may have had some printed.
            self.keep_written(now);
            let until = [until, look, self.acks.wakes_at()];
            let until = until.into_iter().flatten().min();
            if let Some(left) = self.wait_on_channel(link, confirms, requests, until, now)? {
                return Ok(Ended::Left(left));
            }
        }
    }

    /// Asks how long the work queue is. `None`: the channel goes on.
    fn measure(&mut self, link: &Link, channel: &Channel) -> Option<Left> {
        let measured = channel.inspect(self.core.config().queues.work.name.as_str());
        let now = Instant::now();
        match measured {
            Ok(declared) => {
                self.core.handle(Input::Measured(declared.ready), now);
                None
            }
            Err(fault) if !link.is_alive() => Some(Left::Ended(fault)),
            Err(fault) => {
                self.core.handle(Input::MeasureRefused(fault), now);
                Some(Left::Closed)
            }
        }
    }

    /// On a channel of its own, as it would close with a queue that is missing. Whether the connection
    /// holds is found out elsewhere.
    fn look_for_consumers(&mut self, link: &mut Link) {
        let queue = self.core.config().queues.work.name.as_str();
        let found = link.channel().and_then(|channel| channel.inspect(queue));
        let count = found.ok().map(|found| found.consumers);
        self.user.consumers(count, Instant::now());
    }

    /// Waits for whatever comes first. `None`: the channel goes on.
    fn wait_on_channel(
        &mut self,
        link: &Link,
        confirms: &mut Confirms<'_>,
        requests: &mut Requests,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Left>, Fault> {
        let limit = self.limit(until, now)?;
        let nothing = never();
        let inbox = self.user.inbox().unwrap_or(&nothing);
        let answers = requests.answers();
        match confirms.wait(inbox, answers, self.when_cancelled(), now + limit) {
            Waited::News(news) => self.take_notice(news),
            Waited::Answer(delivery) => self.take_result(delivery)?,
            // Another channel finds out what is the matter.
            Waited::ConsumerCancelled => return Ok(Some(Left::Replaced)),
            Waited::Inbox(came) => self.user.accept(came, &mut self.core, Instant::now()),
            Waited::Answered(answer) => {
                let answer = requests.came(answer);
                self.declared(answer, link);
            }
            Waited::Closed => {
                let text = "the connection broke before the broker had confirmed";
                return Ok(Some(Left::Ended(Fault::new(Kind::Lost, text))));
            }
            Waited::Cancelled => {
                // Confirms that are here already still count.
                self.take_notices(confirms)?;
                return Err(interrupted("interrupted"));
            }
            Waited::Timeout => {}
        }
        Ok(None)
    }

    fn take_notices(&mut self, confirms: &mut Confirms<'_>) -> Result<(), Fault> {
        for _ in 0..AT_ONCE {
            let Some(news) = confirms.try_news() else {
                break;
            };
            self.take_notice(news);
        }
        for _ in 0..AT_ONCE {
            match confirms.try_answer() {
                Some(Heard::Answer(delivery)) => self.take_result(delivery)?,
                Some(Heard::Cancelled | Heard::End) | None => break,
            }
        }
        Ok(())
    }

    fn take_notice(&mut self, notice: PublishNews) {
        self.core.handle(Input::News(notice), Instant::now());
    }

    pub(super) fn take_result(&mut self, delivery: Delivery) -> Result<(), Fault> {
        self.newest_result = delivery.token.tag;
        let answered = self.user.answered(delivery);
        if let Some(number) = answered.number {
            self.core.handle(Input::Answered(number), Instant::now());
        }
        answered.taken
    }
}
