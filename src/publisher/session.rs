//! One channel: what is published on it, and what comes back.

use super::backlog::Passage;
use super::flight::{Flight, Refusal};
use super::{Answers, Event, Publisher, Standing, faults};
use crate::amqp::{Channel, Confirmation, Confirms, Delivery, Link, Waited};
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

/// A broker that is not blocked and confirms nothing for so long is tried over another connection,
/// and at another node if there is one. A healthy one confirms in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a refusal, how long to wait for the verdicts on the rest before all of it is sent again.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);

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

/// What is known of a channel beside the flight.
struct Course {
    /// The queue that is published to.
    queue: String,
    /// Not before this moment.
    from: Instant,
    /// When the broker last said anything of what was published.
    heard: Instant,
    /// Since when the verdicts after a refusal are waited for.
    refused: Option<Instant>,
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
        let mut answers = match self.options.answers {
            Answers::Wanted(_) => Some(channel.consume_answers(link)?),
            Answers::No => None,
        };
        let (queue, from) = match &mut self.delay {
            Some(delay) => {
                let from = delay.declare(channel)?;
                (delay.name(), from)
            }
            None => (self.queue.name.as_str().to_owned(), Instant::now()),
        };
        let mut confirms = channel.confirms(link)?;
        if let Some(answers) = &answers {
            confirms.listen_to(answers);
        }
        let mut flight = Flight::default();
        let mut course = Course {
            queue,
            from,
            heard: Instant::now(),
            refused: None,
        };
        let mut flown = self.fly(channel, &mut confirms, &mut flight, &mut course);
        if let (Err(fault), Some(answers)) = (&mut flown, answers.as_mut()) {
            // The cause is told once, to the first who asks: to the consumer, as it ends.
            if let (Kind::Lost, None, Err(cause)) = (fault.kind, fault.reply(), answers.cancel()) {
                if cause.reply().is_some() {
                    *fault = cause;
                }
            }
        }
        let mut left = flight.into_parcels();
        // What was answered was done, whether or not its confirm came.
        let asks = answers.is_some();
        left.retain(|parcel| !asks || self.unanswered.is_expected(parcel.number));
        self.perhaps |= flown.is_err() && !left.is_empty();
        self.pending.take_back(left);
        flown
    }

    fn fly(
        &mut self,
        channel: &Channel,
        confirms: &mut Confirms,
        flight: &mut Flight,
        course: &mut Course,
    ) -> Result<Landed, Fault> {
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
                    return Ok(Landed::Refused { count, refusal });
                }
                if self.nothing_is_left() {
                    return Ok(Landed::Over);
                }
            }
            let now = Instant::now();
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
        for _ in 0..NEWS_AT_ONCE {
            let Some(delivery) = confirms.try_answer() else {
                break;
            };
            self.take_answer(delivery);
        }
        Ok(())
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

    fn has_room(&self, flight: &Flight) -> bool {
        flight.len() < self.options.window.get() && flight.bytes() < WINDOW_BYTES
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
            if flight.is_empty() {
                course.heard = now;
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
                course.heard = Instant::now();
                let done = self.done;
                flight.settle(tag, multiple, verdict, |parcel| {
                    self.done += 1;
                    if let Err(fault) = (self.tell)(Event::Confirmed(parcel)) {
                        self.halted.get_or_insert(fault);
                    }
                });
                if self.done > done {
                    self.last_progress = course.heard;
                    self.refusal = None;
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
                course.heard = Instant::now();
            }
        }
        if flight.refusal().is_some() && course.refused.is_none() {
            course.refused = Some(Instant::now());
        }
        Ok(())
    }

    /// The next moment at which something is too late; an error if something is.
    fn next_deadline(
        &self,
        flight: &Flight,
        course: &Course,
        now: Instant,
    ) -> Result<Instant, Fault> {
        let mut next = now + Duration::from_secs(3600);
        if flight.is_empty() {
            if let (Answers::Wanted(Some(limit)), true) =
                (self.options.answers, self.pending.is_over())
            {
                let until = self.last_progress + limit;
                if until <= now {
                    return Err(faults::unanswered(limit));
                }
                next = next.min(until);
            }
            return Ok(next);
        }
        let stalled = self.last_progress + self.options.confirm_timeout;
        if stalled <= now {
            let refusal = flight.refusal().or(self.refusal.as_ref());
            return Err(faults::gave_up(
                &self.queue,
                &self.options,
                flight.len() + flight.refused(),
                self.blocked.as_deref(),
                refusal,
            ));
        }
        next = next.min(stalled);
        if let Some(since) = course.refused {
            let until = since + AFTER_REFUSAL;
            if until <= now {
                let text = "the broker refused tasks and does not settle the others";
                return Err(Fault::new(Kind::Lost, text));
            }
            next = next.min(until);
        } else if self.blocked.is_none() {
            let until = course.heard + PATIENCE;
            if until <= now {
                return Err(faults::silent(PATIENCE));
            }
            next = next.min(until);
        }
        Ok(next)
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
