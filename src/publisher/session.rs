//! One channel: what is published on it, and what comes back.

use super::backlog::Passage;
use super::course::{self, Course, TooLate};
use super::flight::{Flight, Refusal};
use super::{Answers, Event, Parcel, Publisher, Standing, faults};
use crate::amqp::{Channel, Confirmation, Confirms, Delivery, Link, Waited};
use crate::backoff::Backoff;
use crate::fault::{Fault, Kind};
use crossbeam_channel::TryRecvError;
use std::time::{Duration, Instant};

/// Unconfirmed bodies in bytes, all in all: beyond this the window is full, so that large bodies
/// do not fill the memory. Half of what the client library buffers before it waits.
const WINDOW_BYTES: usize = 8 << 20;

/// Publishes between two looks at what has come back.
const BURST: usize = 64;

/// How much news is taken before the clock is looked at again, so that news without end keep no
/// time-out from being noticed.
const NEWS_AT_ONCE: usize = 1024;

/// The window after a refusal; it doubles with each round that the broker takes whole. A full queue
/// is then not sent the same thousand tasks again for each one that a worker takes.
const WINDOW_AFTER_REFUSAL: usize = 16;

/// How often refusals are told, at most.
const TELL_REFUSALS: Duration = Duration::from_secs(10);

/// How a channel was used up.
pub(super) enum Flow {
    /// All is confirmed. Closing the connection closes the channel, which spares a round trip.
    Over(Channel),
    /// The broker refused so many tasks. After the death of a queue's leader it can go on refusing
    /// on this channel, though not on a new one.
    Refused { count: usize, refusal: Refusal },
}

/// The same within the channel.
enum Landed {
    Over,
    Refused { count: usize, refusal: Refusal },
}

impl Publisher<'_> {
    /// Publishes on a new channel until all is confirmed or the channel is of no more use. What
    /// is not confirmed then is pending again.
    ///
    /// The first time, neither the declaration nor the switch to confirms waits for its answer: a
    /// single task takes as few round trips as the client library allows. If the declaration is
    /// refused the broker discards what was published after it, so that nothing is sent twice.
    pub(super) fn session(&mut self, link: &mut Link) -> Result<Flow, Fault> {
        let channel = self.channel(link)?;
        match self.over(link, &channel) {
            Ok(Landed::Over) => Ok(Flow::Over(channel)),
            Ok(Landed::Refused { count, refusal }) => Ok(Flow::Refused { count, refusal }),
            Err(fault) => Err(the_brokers_own_words(fault, channel)),
        }
    }

    fn channel(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        if !self.other_type {
            return link.channel();
        }
        let opened = self.queue.open(link)?;
        if let Some(current) = opened.adopted {
            self.say(Event::Adopted(&current));
        }
        Ok(opened.channel)
    }

    fn over(&mut self, link: &Link, channel: &Channel) -> Result<Landed, Fault> {
        if !self.other_type {
            self.queue.declare_nowait(channel)?;
        }
        let answers = match self.options.answers {
            Answers::Wanted(_) => Some(channel.consume_answers(link)?),
            Answers::No => None,
        };
        let (queue, from) = if let Some(delay) = &mut self.delay {
            let from = delay.declare(channel)?;
            (delay.name(), from)
        } else {
            (self.queue.name.as_str().to_owned(), Instant::now())
        };
        let course = Course::new(queue, from, link.written());
        let mut confirms = channel.confirms(link)?;
        if let Some(answers) = &answers {
            confirms.listen_to(answers);
        }
        let mut flight = Flight::default();
        let mut flown = self.fly(link, channel, &mut confirms, &mut flight, course);
        if let (Err(fault), Some(_)) = (&mut flown, &answers) {
            self.take_answers(&mut confirms);
            let cause = confirms.take_cause();
            if let (None, Some(cause)) = (fault.reply(), cause) {
                *fault = cause;
            }
            if fault.reply().is_none() {
                // Otherwise the end of the consumer would wait for a broker that says nothing.
                link.give_up();
            }
        }
        let left = flight.into_parcels();
        self.perhaps |= matches!(&flown, Err(fault) if fault.reply().is_none()) && !left.is_empty();
        self.take_back(left);
        flown
    }

    /// Has these tasks sent again, but those that were answered: they were done, whether or not
    /// their confirms came.
    fn take_back(&mut self, parcels: Vec<Parcel>) {
        let asks = self.options.answers != Answers::No;
        let (left, done): (Vec<_>, Vec<_>) = parcels
            .into_iter()
            .partition(|parcel| !asks || self.unanswered.is_expected(parcel.number));
        for parcel in &done {
            self.say(Event::Confirmed(parcel));
        }
        self.pending.take_back(left);
    }

    fn fly(
        &mut self,
        link: &Link,
        channel: &Channel,
        confirms: &mut Confirms,
        flight: &mut Flight,
        mut course: Course,
    ) -> Result<Landed, Fault> {
        let course = &mut course;
        let mut backoff = Backoff::default();
        loop {
            self.take_all_news(confirms, flight, course)?;
            if let Some(fault) = self.halted.take() {
                return Err(fault);
            }
            if self.is_cut() {
                return Err(faults::interrupted(flight.len()));
            }
            let mut next = self.publish(channel, flight, course)?;
            if flight.is_empty() {
                if let Some(refusal) = flight.refusal() {
                    let (count, refusal) = (flight.refused(), refusal.clone());
                    if !self.stays(&refusal) {
                        return Ok(Landed::Refused { count, refusal });
                    }
                    let refused = flight.take_refused();
                    self.take_back(refused);
                    self.was_refused(count, refusal);
                    course.refused = false;
                    course.from = Instant::now() + backoff.step();
                    continue;
                }
                if self.nothing_is_left() {
                    return Ok(Landed::Over);
                }
            }
            let now = Instant::now();
            if course.are_leaving(link.written()) && !flight.is_empty() {
                course.hear(now);
                if self.refusal.is_none() {
                    self.last_progress = now;
                }
            }
            next = next.min(self.next_deadline(flight, course, now)?);
            if let Some(tick) = self.options.tick {
                let (taken, bytes) = (self.pending.taken(), self.pending.bytes());
                self.say(Event::Tick(Standing { taken, bytes }));
                next = next.min(now + tick);
            }
            let never = crossbeam_channel::never();
            let inbox = match flight.refusal() {
                None if self.has_room(flight) => self.pending.inbox().unwrap_or(&never),
                _ => &never,
            };
            match confirms.wait(inbox, &self.options.when_cut, next) {
                Waited::News(news) => self.take_news(news, flight, course)?,
                Waited::Answer(delivery) => self.take_answer(delivery),
                Waited::Inbox(came) => self.pending.accept(came),
                Waited::Closed => {
                    let text = "the connection broke before the broker had confirmed";
                    return Err(Fault::new(Kind::Lost, text));
                }
                Waited::Cut => {
                    // Confirms that are here already still count.
                    self.take_all_news(confirms, flight, course)?;
                    return Err(faults::interrupted(flight.len()));
                }
                Waited::Timeout => {}
            }
        }
    }

    fn take_all_news(
        &mut self,
        confirms: &mut Confirms,
        flight: &mut Flight,
        course: &mut Course,
    ) -> Result<(), Fault> {
        for _ in 0..NEWS_AT_ONCE {
            let Some(news) = confirms.try_news() else {
                break;
            };
            self.take_news(news, flight, course)?;
        }
        self.take_answers(confirms);
        Ok(())
    }

    fn take_answers(&mut self, confirms: &mut Confirms) {
        for _ in 0..NEWS_AT_ONCE {
            let Some(delivery) = confirms.try_answer() else {
                break;
            };
            self.take_answer(delivery);
        }
    }

    /// Whether to go on on this channel after a refusal. A new one helps where the queue's leader
    /// has died, which takes a cluster; but outcomes come to the channel that their tasks were sent
    /// on, so one that waits for outcomes is not left lightly.
    fn stays(&self, refusal: &Refusal) -> bool {
        let is_cluster = self.connector.endpoints.len() > 1;
        let patient = self.last_progress.elapsed() < course::PATIENCE;
        *refusal == Refusal::Nack
            && self.options.answers != Answers::No
            && (patient || !is_cluster)
            && !self.patience_left().is_zero()
    }

    /// Notes that the broker refused so many tasks, and tells it now and then.
    pub(super) fn was_refused(&mut self, count: usize, refusal: Refusal) {
        self.window = WINDOW_AFTER_REFUSAL;
        let now = Instant::now();
        if self.told.is_none_or(|at| at + TELL_REFUSALS < now) {
            self.told = Some(now);
            let why = refusal.describe(&self.queue);
            self.say(Event::Refused(count, why));
        }
        self.refusal = Some(refusal);
    }

    fn take_answer(&mut self, delivery: Delivery) {
        if let Some((number, answer)) = self.unanswered.answered(delivery) {
            self.last_progress = Instant::now();
            self.done += 1;
            self.say(Event::Answered(number, answer));
        }
    }

    fn is_cut(&self) -> bool {
        self.options.when_cut.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Whether to publish. Once the window was full it is first half emptied: publishes that go out
    /// together cost this process, the network and the broker much less than one for each confirm.
    fn has_room(&mut self, flight: &Flight) -> bool {
        let window = self.window.min(self.options.window.get());
        if flight.len() >= window || flight.bytes() >= WINDOW_BYTES {
            self.full = true;
        } else if flight.len() <= window / 2 && flight.bytes() <= WINDOW_BYTES / 2 {
            self.full = false;
        }
        !self.full
    }

    /// Publishes what may be published now. Returns when to try again: at once after a burst.
    fn publish(
        &mut self,
        channel: &Channel,
        flight: &mut Flight,
        course: &mut Course,
    ) -> Result<Instant, Fault> {
        let now = Instant::now();
        let later = now + Duration::from_secs(3600);
        if flight.refusal().is_some() {
            return Ok(later);
        }
        if course.from > now {
            return Ok(course.from);
        }
        let mut burst = None;
        for _ in 0..BURST {
            if !self.has_room(flight) {
                return Ok(later);
            }
            if self.options.backlog.is_some() {
                if !self.pending.has_some() {
                    return Ok(later);
                }
                if self.gate.asks() {
                    // A request has a watch of its own.
                    burst = None;
                }
                match self.gate.ask(channel, &self.queue, flight.len())? {
                    Passage::Open => self.gate.passed(),
                    Passage::Closed(until) => return Ok(until),
                    Passage::JustClosed(until, ready) => {
                        self.say(Event::BacklogFull(ready));
                        return Ok(until);
                    }
                }
            }
            let Some(parcel) = self.pending.next() else {
                return Ok(later);
            };
            if let Some(fault) = self.too_large(&parcel) {
                self.say(Event::Failed(parcel, &fault));
                continue;
            }
            if flight.is_empty() {
                course.hear(now);
                if parcel.number > self.newest {
                    self.last_progress = now;
                }
            }
            self.newest = self.newest.max(parcel.number);
            let mut properties = parcel.task.properties.clone();
            if self.options.answers != Answers::No {
                self.unanswered.expect(&parcel);
                properties = properties.with_answer_wanted(parcel.number.to_string());
            }
            let burst = burst.get_or_insert_with(|| channel.burst(self.options.confirm_timeout));
            let published = burst.publish(&course.queue, properties, &parcel.task.body);
            // Also after an error: it may have been handed over.
            flight.published(parcel);
            published?;
        }
        Ok(now)
    }

    fn take_news(
        &mut self,
        news: Confirmation,
        flight: &mut Flight,
        course: &mut Course,
    ) -> Result<(), Fault> {
        match news {
            Confirmation::Settled {
                tag,
                multiple,
                verdict,
            } => {
                course.hear(Instant::now());
                let done = self.done;
                flight.settle(tag, multiple, verdict, |parcel| {
                    self.done += 1;
                    if let Err(fault) = (self.tell)(Event::Confirmed(parcel)) {
                        self.halted.get_or_insert(fault);
                    }
                });
                if self.done > done {
                    self.last_progress = Instant::now();
                    self.refusal = None;
                    let confirmed = usize::try_from(self.done - done).unwrap_or(usize::MAX);
                    self.window = self.window.saturating_add(confirmed);
                }
            }
            Confirmation::Returned { id, reason } => {
                if !self.may_declare() {
                    let text = faults::unroutable(&self.queue, &reason);
                    flight.came_back(id, reason);
                    return Err(Fault::new(Kind::NotTaken, text));
                }
                flight.came_back(id, reason);
            }
            Confirmation::Blocked(reason) => {
                if self.blocked.as_ref() != Some(&reason) {
                    self.say(Event::Blocked(&reason));
                }
                self.blocked = Some(reason);
            }
            Confirmation::Unblocked => {
                self.say(Event::Unblocked);
                self.blocked = None;
                course.hear(Instant::now());
            }
        }
        course.refused = flight.refusal().is_some();
        Ok(())
    }

    /// The next moment at which something is too late; an error if something is.
    fn next_deadline(
        &self,
        flight: &Flight,
        course: &mut Course,
        now: Instant,
    ) -> Result<Instant, Fault> {
        let later = now + Duration::from_secs(3600);
        let stalled = self.last_progress + self.options.confirm_timeout;
        if !flight.is_empty() {
            let next = course.next(stalled, self.blocked.is_some(), now);
            return next.map_err(|why| match why {
                TooLate::Silent => faults::silent(course::PATIENCE),
                TooLate::Unsettled => faults::unsettled(),
                TooLate::Stalled => faults::gave_up(
                    &self.queue,
                    &self.options,
                    flight.len() + flight.refused(),
                    self.blocked.as_deref(),
                    flight.refusal().or(self.refusal.as_ref()),
                ),
            });
        }
        if self.refusal.is_some() {
            return if now < stalled {
                Ok(stalled)
            } else {
                Err(self.gave_up())
            };
        }
        match self.options.answers {
            Answers::Wanted(Some(limit)) if self.pending.is_over() => {
                let until = self.last_progress + limit;
                if now < until {
                    Ok(until)
                } else {
                    Err(faults::unanswered(limit))
                }
            }
            Answers::Wanted(_) | Answers::No => Ok(later),
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
