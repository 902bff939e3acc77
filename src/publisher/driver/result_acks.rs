//! Results that are printed are acknowledged together with others.
//!
//! An acknowledgement of its own for each result costs the broker a third of what the result costs.

use super::Driver;
use super::results::Listening;
use crate::amqp::{AckToken, Channel, Link};
use crate::base::batch::Batch;
use crate::base::fault::Fault;
use crate::publisher::user::User;
use std::thread;
use std::time::{Duration, Instant};

/// How long an acknowledgement waits for others, at most. What is printed meanwhile may be printed again by
/// `--collect` if this process is killed.
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
        self.keep_written(now);
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

    /// Results that are written wait to be acknowledged.
    pub(super) fn keep_written(&mut self, now: Instant) {
        for token in self.user.take_written() {
            self.acks.push(now, token);
        }
    }

    /// Acknowledges all that is written, for the last time on this channel. Whether there was any. What the
    /// broker does not hear of comes again.
    pub(super) fn ack_rest(&mut self, channel: &Channel) -> bool {
        self.keep_written(Instant::now());
        let written = self.acks.take();
        !written.is_empty() && channel.ack_all(written).is_ok()
    }
}

/// Waits a moment until something has left since `before` bytes had.
pub(super) fn await_leaving(link: &Link, before: u64) {
    const MOMENT: Duration = Duration::from_millis(50);
    let deadline = Instant::now() + MOMENT;
    while link.written() == before && Instant::now() < deadline {
        thread::sleep(MOMENT / 50);
    }
}
