//! Does what the core says, as far as a channel is enough for that.

use super::Driver;
use super::step::NextStep;
use crate::amqp::Channel;
use crate::base::fault::{Fault, Kind};
use crate::publisher::core::{Action, Form};
use crate::publisher::declaring::Requests;
use crate::publisher::user::{Content, User};
use std::time::Instant;

/// Publishes between two looks at what has come back.
const BURST: usize = 64;

impl<U: User> Driver<'_, U> {
    /// Does what can be done here, and returns the next that cannot. `open` is the channel that is
    /// published on.
    pub(super) fn next(
        &mut self,
        open: Option<(&Channel, &Requests)>,
        now: Instant,
    ) -> Result<NextStep, Fault> {
        let mut burst = None;
        let mut count = 0;
        loop {
            self.user.feed(&mut self.core, now);
            match self.core.poll(now) {
                Action::Publish {
                    queue,
                    number,
                    payload,
                } => {
                    let Some((channel, _)) = open else {
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
                }
                // What the user does with it may take long, which is nobody else's fault.
                Action::Verdict(verdict) => {
                    burst = None;
                    self.user.verdict(verdict)?;
                }
                Action::Tell(notice) => {
                    burst = None;
                    self.user.notice(notice);
                }
                Action::GiveUp(fault) => self.user.give_up(fault, &mut self.core)?,
                Action::Connect { pause, look_for } => {
                    return Ok(NextStep::Connect { pause, look_for });
                }
                Action::Disconnect => return Ok(NextStep::Disconnect),
                Action::OpenChannel => return Ok(NextStep::OpenChannel),
                Action::Declare(request) => {
                    let is_blind = request.form == Form::Blind;
                    let Some((channel, requests)) = open.filter(|_| is_blind) else {
                        return Ok(NextStep::Declare(request));
                    };
                    // Messages follow at once: the client library answers a refusal that comes in
                    // between two frames of one message, which ends the connection.
                    if let Err(fault) = requests.declare_nowait(channel, &request) {
                        return Ok(NextStep::Failed(fault));
                    }
                }
                Action::Measure => return Ok(NextStep::Measure),
                Action::Wait(until) => return Ok(NextStep::Wait(until)),
            }
        }
    }
}
