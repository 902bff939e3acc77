//! One channel: what is published on it, and what comes back.

use super::backlog::Passage;
use super::course::Course;
use super::delays::DelayQueue;
use super::flight::{Flight, Refusal};
use super::{Answers, Event, Parcel, Priority, Publisher, Standing, faults};
use crate::amqp::{Channel, Confirms, Link, Waited};
use crate::backoff::Backoff;
use crate::fault::{Fault, Kind};
use crate::topology;
use crossbeam_channel::TryRecvError;
use std::time::{Duration, Instant};

/// Unconfirmed bodies in bytes, all in all: beyond this the window is full, so that large bodies
/// do not fill the memory. Half of what the client library buffers before it waits.
const WINDOW_BYTES: usize = 8 << 20;

/// A body of several frames must not be under way when the broker refuses a declaration: the client
/// library answers that in the middle of it, which breaks the connection. So a larger body than this,
/// in bytes, waits for the answer to the declarations.
const ONE_FRAME: usize = 100 * 1024;

/// Publishes between two looks at what has come back.
const BURST: usize = 64;

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
        if self.options.priority == Priority::Given && self.queue_type.is_none() {
            let channel = self.channel_for_age(link)?;
            if self.queue_type.is_some() {
                return Ok(channel);
            }
            // It must be there, or the next line would make it, and it would be young.
            channel.inspect(self.queue.name.as_str())?;
            drop(channel);
            return self.open(link);
        }
        if !self.other_type {
            return self.channel_for_age(link);
        }
        self.open(link)
    }

    /// A channel on which the queue is declared, and its type known.
    pub(super) fn open(&mut self, link: &mut Link) -> Result<Channel, Fault> {
        let opened = self.queue.open(link)?;
        if let Some(current) = opened.adopted {
            self.say(Event::Adopted(&current));
        }
        if let (None, Some(queue_type)) = (self.queue_type, opened.queue_type) {
            self.queue_type = Some(queue_type);
            let note = topology::priority_note(&self.queue, queue_type, link.series());
            if let (Some(note), Priority::Given) = (note, self.options.priority) {
                self.say(Event::NoPriorities(note));
            }
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
            (delay.name(), from.max(self.age.usable_from()))
        } else {
            (self.queue.name.as_str().to_owned(), self.age.usable_from())
        };
        // Waiting for a young queue is nobody's silence, however often it begins anew.
        let wait = from.saturating_duration_since(Instant::now());
        self.last_progress = (self.last_progress + wait).min(from);
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
                return Err(faults::interrupted(flight.len(), true));
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
                    return Err(faults::interrupted(flight.len(), true));
                }
                Waited::Timeout => {}
            }
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
            if !course.declared && self.pending.next_is_larger_than(ONE_FRAME) {
                burst = None;
                channel.inspect(&course.queue)?;
                course.declared = true;
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
            if let Some(after) = self.delay.as_ref().and_then(DelayQueue::expiration) {
                properties = properties.with_expiration(after.as_millis());
            }
            let burst = burst.get_or_insert_with(|| channel.burst(self.options.confirm_timeout));
            let published = burst.publish(&course.queue, properties, &parcel.task.body);
            // Also after an error: it may have been handed over.
            flight.published(parcel);
            published?;
        }
        Ok(now)
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
