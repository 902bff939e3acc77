//! Results that are printed are acknowledged together with others.
//!
//! An acknowledgement of its own for each result costs the broker a third of what the result costs.

use super::Driver;
use super::results::Listening;
use crate::amqp::{AckToken, Channel};
use crate::base::batch::Batch;
use crate::base::fault::Fault;
use crate::publisher::user::User;
use std::time::{Duration, Instant};

/// The longest wait for company. What is printed meanwhile may be printed again by `--collect` if this
/// process is killed.
const LINGER: Duration = Duration::from_millis(5);

/// No acknowledgements yet.
pub(super) fn none() -> Batch<AckToken> {
    Batch::new(LINGER, 1)
}

impl<U: User> Driver<'_, U> {
    /// Acknowledges the results that are written, if that is due.
    pub(super) fn ack_due(
        &mut self,
        channel: &Channel,
        listening: Option<&mut Listening<'_>>,
        now: Instant,
    ) -> Result<(), Fault> {
        for token in self.user.take_written() {
            self.acks.push(now, token);
        }
        if let Some(listening) = &listening {
            let enough = listening.enough_acks(self.user.held_results());
            self.acks.set_enough(enough);
        }
        if !self.acks.is_due(now) {
            return Ok(());
        }
        let written = self.acks.take();
        if let Some(listening) = listening {
            listening.acknowledged(&written);
        }
        channel.ack_all(written)
    }

    /// Acknowledges all that is written, for the last time on this channel.
    pub(super) fn ack_rest(&mut self, channel: &Channel) {
        let mut written = self.acks.take();
        written.extend(self.user.take_written());
        // What the broker does not hear of comes again, and is known.
        let _ = channel.ack_all(written);
    }
}
