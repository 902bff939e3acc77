//! Reaching a broker, and reaching it again.

use super::errors;
use crate::amqp::{self, Link, OpenOptions};
use crate::base::backoff::{Backoff, jittered};
use crate::base::duration::duration;
use crate::base::endpoint::Endpoint;
use crate::base::fault::{Fault, Kind};
use crossbeam_channel::RecvTimeoutError;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// How long to keep trying while the broker cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryFor {
    /// Until it answers.
    Forever,
    /// For this time, then give up.
    AtMost(Duration),
}

impl FromStr for RetryFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "forever" => Ok(Self::Forever),
            text => duration(text)
                .map(Self::AtMost)
                .map_err(|error| format!("{error}; or `forever`")),
        }
    }
}

impl fmt::Display for RetryFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forever => f.write_str("forever"),
            Self::AtMost(limit) => humantime::format_duration(*limit).fmt(f),
        }
    }
}

/// How a broker is reached: its nodes, tried in turn, and for how long.
#[derive(Clone, Debug)]
pub struct Connector {
    /// The nodes of one broker. Never empty.
    pub endpoints: Vec<Endpoint>,
    /// What each attempt is made with.
    pub options: OpenOptions,
    /// How long to keep trying.
    pub retry_for: RetryFor,
}

impl Connector {
    /// Connects to the first node that answers, trying all in turn until the time is up.
    ///
    /// A node at the address `avoid` is tried last: it has just been lost, or was too slow.
    /// `retrying` is told the first time that another round is needed.
    ///
    /// # Errors
    /// At once where no further try can help; otherwise the failure of the last round.
    pub fn connect(
        &self,
        avoid: Option<&str>,
        mut retrying: impl FnMut(&Fault),
    ) -> Result<Link, Fault> {
        let started = Instant::now();
        let mut backoff = Backoff::default();
        let mut told = false;
        loop {
            let fault = match self.round(avoid) {
                Ok(link) => return Ok(link),
                Err(fault) if fault.is_transient() => fault,
                Err(fault) => return Err(fault),
            };
            let wait = match self.retry_for {
                RetryFor::Forever => jittered(backoff.step()),
                RetryFor::AtMost(limit) => {
                    let left = limit.saturating_sub(started.elapsed());
                    if left.is_zero() {
                        return Err(fault);
                    }
                    jittered(backoff.step()).min(left)
                }
            };
            if !told {
                self.options.when_slow.tell();
                retrying(&fault);
                told = true;
            }
            match self.options.when_cancelled.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(errors::cancelled());
                }
            }
        }
    }

    /// Tries each node once.
    fn round(&self, avoid: Option<&str>) -> Result<Link, Fault> {
        let mut failures: Vec<Fault> = Vec::new();
        let is_last = |endpoint: &&Endpoint| avoid == Some(endpoint.address().as_str());
        let first = self.endpoints.iter().filter(|endpoint| !is_last(endpoint));
        for endpoint in first.chain(self.endpoints.iter().filter(is_last)) {
            match amqp::open(endpoint, &self.options) {
                Ok(link) => return Ok(link),
                Err(fault) if fault.is_transient() => failures.push(fault),
                Err(fault) => return Err(fault),
            }
        }
        let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
        Err(Fault::new(Kind::Unreachable, texts.join("; ")))
    }
}
