//! Connects on a thread of its own, so that the caller can do something else meanwhile.

use super::connector::Connector;
use super::{Link, errors};
use crate::base::backoff::jittered;
use crate::base::fault::Fault;
use crossbeam_channel::{Receiver, unbounded};
use std::thread;
use std::time::Duration;

/// The state of an attempt.
#[allow(clippy::large_enum_variant, reason = "one of them exists at a time")]
pub enum Connecting {
    /// It failed, and is tried again.
    Retrying(Fault),
    /// A connection stands.
    Done(Link),
    /// It is over.
    Failed(Fault),
}

impl Connector {
    /// Connects after about `pause`: jitter keeps clients that lost their connections together from
    /// returning together. The node `avoid` is tried last.
    ///
    /// # Errors
    /// `Kind::Unreachable` where no thread can be started for it.
    pub fn connect_on_thread(
        self,
        avoid: Option<String>,
        pause: Duration,
    ) -> Result<Receiver<Connecting>, Fault> {
        self.options.when_slow.tell();
        let (sender, steps) = unbounded();
        let started = thread::Builder::new()
            .name("connector".to_owned())
            .spawn(move || {
                if !pause.is_zero() {
                    // A broker that takes connections and drops them must not be hammered.
                    let _ = self.options.when_cancelled.recv_timeout(jittered(pause));
                }
                let connected = self.connect(avoid.as_deref(), |fault| {
                    let _ = sender.send(Connecting::Retrying(fault.clone()));
                });
                let _ = sender.send(match connected {
                    Ok(link) => Connecting::Done(link),
                    Err(fault) => Connecting::Failed(fault),
                });
            });
        started
            .map(|_| steps)
            .map_err(|error| errors::no_thread(&error))
    }
}
