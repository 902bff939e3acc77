//! Does what the core says, as far as a channel is enough for that.

use super::Driver;
use super::step::{NextStep, OpenChannel};
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{Action, Form};
use crate::publisher::declaring::Request;
use crate::publisher::user::{Content, PublishEvent, User};
use std::time::Instant;

/// Publishes between two looks at what has come back.
const BURST: usize = 64;

impl<U: User> Driver<'_, U> {
    /// Does what can be done here, and returns the next that cannot.
    pub(super) fn next(
        &mut self,
        open: Option<OpenChannel<'_>>,
        now: Instant,
    ) -> Result<NextStep, Fault> {
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
                    let Some(OpenChannel { channel, .. }) = open else {
                        let text = "there is no channel to publish on";
                        return Ok(NextStep::Failed(Fault::new(Kind::Lost, text)));
                    };
                    self.user.publishing(number);
                    let task = payload.task();
                    let published = burst
                        .get_or_insert_with(|| channel.burst(self.patience))
                        .publish(queue, task.properties.clone(), &task.body);
                    if let Err(fault) = published {
                        return Ok(NextStep::Failed(fault));
                    }
                    count += 1;
                    if count == BURST {
                        return Ok(NextStep::Again);
                    }
                    continue;
                }
                Action::Confirmed {
                    number,
                    queue,
                    payload,
                } => PublishEvent::Confirmed(number, queue, payload),
                Action::Refused {
                    number,
                    payload,
                    fault,
                    scope,
                } => PublishEvent::Refused(number, payload, fault, scope),
                Action::Withdrawn { number, sent } => PublishEvent::Withdrawn(number, sent),
                Action::Tell(notice) => PublishEvent::Notice(notice),
                Action::GiveUp(fault) => {
                    self.user.give_up(fault, &mut self.core)?;
                    continue;
                }
                Action::Connect { pause, look_for } => {
                    let look_for = look_for.map(str::to_owned);
                    return Ok(NextStep::Connect { pause, look_for });
                }
                Action::Disconnect => return Ok(NextStep::Disconnect),
                Action::OpenChannel => return Ok(NextStep::OpenChannel),
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
                        return Ok(NextStep::Declare(request));
                    };
                    // Messages follow at once: the client library answers a refusal that comes in
                    // between two frames of one message, which ends the connection.
                    if let Err(fault) = open.requests.declare_nowait(open.channel, &request) {
                        return Ok(NextStep::Failed(fault));
                    }
                    continue;
                }
                Action::Measure => return Ok(NextStep::Measure),
                Action::Wait(until) => return Ok(NextStep::Wait(until)),
            };
            // What the user does with it may take long, which is nobody else's fault.
            burst = None;
            self.user.take(event)?;
        }
    }
}
