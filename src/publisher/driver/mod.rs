//! Does what the core says, with a real broker: connects, opens channels, waits. One thread.

mod allowance;
mod next_step;
mod on_channel;
mod on_connection;
mod result_acks;
mod results;
mod step;

use super::core::{Action, Core, Input};
use super::declaring::Requests;
use super::user::User;
use crate::amqp::AckToken;
use crate::amqp::connector::Connector;
use crate::base::batch::Batch;
use crate::base::cancellation::{WhenCancelled, is_cancelled};
use crate::base::fault::{Fault, Kind};
use crossbeam_channel::{Receiver, never, select};
use std::time::{Duration, Instant};
use step::Left;

/// Gets a user's messages confirmed.
pub struct Driver<'a, U: User> {
    user: &'a mut U,
    core: Core<U::Payload>,
    connector: Connector,
    /// How long nothing may leave while a message is handed over for sending.
    patience: Duration,
    /// The node of the last connection.
    last: Option<String>,
    /// The results queue was there.
    has_results: bool,
    /// The tag of the last result on the present channel.
    newest_result: u64,
    /// Results to be acknowledged.
    acks: Batch<AckToken>,
}

impl<'a, U: User> Driver<'a, U> {
    /// Of a `core` that has not begun.
    pub fn new(connector: Connector, core: Core<U::Payload>, user: &'a mut U) -> Self {
        const PATIENCE: Duration = Duration::from_secs(60);
        Self {
            patience: core.config().confirm_timeout.unwrap_or(PATIENCE),
            user,
            core,
            connector,
            last: None,
            has_results: false,
            newest_result: 0,
            acks: result_acks::none(),
        }
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
            if let Action::Verdict(verdict) = action {
                told = told.and(self.user.verdict(verdict));
            }
        }
        told
    }

    fn over_connections(&mut self) -> Result<(), Fault> {
        while let Some(mut link) = self.await_link()? {
            let mut requests = Requests::new(&self.core.config().queues);
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

    /// Waits for something on `first`, in the user's inbox, or the deadline.
    fn wait<T>(
        &mut self,
        first: &Receiver<T>,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<T>, Fault> {
        // They came over a channel that is gone.
        drop(self.user.take_written());
        drop(self.acks.take());
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
    fn limit(&mut self, until: Option<Instant>, now: Instant) -> Result<Duration, Fault> {
        const FOR_LONG: Duration = Duration::from_secs(3600);
        let tick = self.user.tick(&mut self.core, now)?;
        let until = until.into_iter().chain(tick).min();
        Ok(until.map_or(FOR_LONG, |until| until.saturating_duration_since(now)))
    }

    fn when_cancelled(&self) -> &WhenCancelled {
        &self.connector.options.when_cancelled
    }

    fn is_cancelled(&self) -> bool {
        is_cancelled(&self.connector.options.when_cancelled)
    }
}

/// The user wants no more.
fn interrupted(text: &str) -> Fault {
    Fault::new(Kind::Interrupted, text)
}
