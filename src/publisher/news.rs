//! What the broker says of what was published, and when it is too late to hear it.

use super::course::{self, Course, TooLate};
use super::flight::{Flight, Refusal};
use super::{Answers, Event, Publisher, faults};
use crate::amqp::{Confirmation, Confirms, Delivery};
use crate::fault::{Fault, Kind};
use std::time::{Duration, Instant};

/// How much news is taken before the clock is looked at again, so that news without end keep no
/// time-out from being noticed.
const NEWS_AT_ONCE: usize = 1024;

/// The window after a refusal; it doubles with each round that the broker takes whole. A full queue
/// is then not sent the same thousand tasks again for each one that a worker takes.
const WINDOW_AFTER_REFUSAL: usize = 16;

/// How often refusals are told, at most.
const TELL_REFUSALS: Duration = Duration::from_secs(10);

impl Publisher<'_> {
    pub(super) fn take_all_news(
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

    pub(super) fn take_answers(&mut self, confirms: &mut Confirms) {
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
    pub(super) fn stays(&self, refusal: &Refusal) -> bool {
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
        if matches!(refusal, Refusal::Unroutable(_)) {
            self.doubt_queues();
        }
        self.refusal = Some(refusal);
    }

    pub(super) fn take_answer(&mut self, delivery: Delivery) {
        if let Some((number, answer)) = self.unanswered.answered(delivery) {
            self.last_progress = Instant::now();
            self.done += 1;
            self.say(Event::Answered(number, answer));
        }
    }

    pub(super) fn take_news(
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
    pub(super) fn next_deadline(
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
