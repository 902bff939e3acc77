//! Connecting, while running tasks go on.

use super::core::{End, Input};
use super::session::{Session, Turn};
use crate::amqp::connector::RetryFor;
use crate::amqp::{Connecting, Link};
use crate::base::backoff::Backoff;
use crate::base::fault::Fault;
use crossbeam_channel::{Receiver, after, never, select};
use std::time::{Duration, Instant};

/// A connection that lasted at least this long was a good one.
const SERVED_WELL: Duration = Duration::from_secs(5);

/// How and where to connect next.
#[derive(Default)]
pub(super) struct Attempts {
    backoff: Backoff,
    /// How long to wait before.
    pause: Duration,
    /// Where the last connection led: tried last.
    lost: Option<String>,
}

impl Attempts {
    /// A connection to this address, which stood since then, is lost.
    pub(super) fn lost(&mut self, address: String, since: Instant) {
        self.lost = Some(address);
        // A broker that takes connections and drops them must not be hammered.
        if since.elapsed() > SERVED_WELL {
            self.backoff.reset();
            self.pause = Duration::ZERO;
        } else {
            self.pause = self.backoff.step();
        }
    }
}

impl Session<'_> {
    /// Waits for a connection; or for the end, if that comes first.
    pub(super) fn await_link(&mut self, attempts: &mut Attempts) -> Result<Link, End> {
        let (mut links, mut pause) = (never(), never());
        loop {
            self.look_at_host();
            match self.follow(None) {
                Some(Turn::Connect) => (links, pause) = self.begin_attempt(attempts),
                Some(Turn::End(end)) => return Err(end),
                // Left over from the connection that is lost; what is to be done now stands behind it.
                Some(Turn::Consume(_) | Turn::Lost(_)) => continue,
                None => {}
            }
            if !self.flush() {
                continue;
            }
            self.draw();
            self.tick();
            let limit = self.patience();
            select! {
                recv(links) -> step => match step {
                    Ok(Connecting::Retrying(fault)) => self.retrying(&fault),
                    // Otherwise running tasks are all that is waited for.
                    Ok(Connecting::Done(link)) if !self.core.is_stopping() => return Ok(link),
                    Ok(Connecting::Done(_)) | Err(_) => links = never(),
                    Ok(Connecting::Failed(fault)) => {
                        links = never();
                        self.happened(Input::Failed(fault));
                    }
                },
                recv(pause) -> _ => (links, pause) = self.begin_attempt(attempts),
                recv(self.messages) -> message => if let Ok(message) = message {
                    self.handle(message);
                },
                default(limit) => self.happened(Input::Time),
            }
        }
    }

    /// Where the connection comes from; or where it is told that another attempt is due, as no thread
    /// could be started.
    fn begin_attempt(&self, attempts: &Attempts) -> (Receiver<Connecting>, Receiver<Instant>) {
        let connector = self.settings.connector.clone();
        match connector.connect_on_thread(attempts.lost.clone(), attempts.pause) {
            Ok(links) => (links, never()),
            Err(fault) => {
                self.teller.warn(&format!("{fault}; retrying"));
                (never(), after(Backoff::MAX))
            }
        }
    }

    /// What people are told while the connector keeps trying.
    fn retrying(&self, fault: &Fault) {
        let retry_for = self.settings.connector.retry_for;
        self.teller.warn(&match retry_for {
            RetryFor::Forever => format!("{fault}; retrying until the broker answers"),
            RetryFor::AtMost(_) => format!("{fault}; retrying (--retry-for {retry_for})"),
        });
    }
}
