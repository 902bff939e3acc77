//! Connects on a thread of its own, so that whoever waits for it can do something else meanwhile.

use crate::amqp::Link;
use crate::amqp::connector::Connector;
use crate::base::backoff;
use crate::base::fault::{Fault, Kind};
use crossbeam_channel::{Receiver, unbounded};
use std::thread;
use std::time::Duration;

/// What comes of an attempt.
#[allow(clippy::large_enum_variant, reason = "one of them exists at a time")]
pub(super) enum Connecting {
    /// It failed, and is tried again.
    Retrying(Fault),
    /// A connection stands.
    Done(Link),
    /// It is over.
    Failed(Fault),
}

/// Connects after a `pause`, for which others who lost their connections at the same time wait
/// shorter or longer; at the node `avoid` only if no other one answers.
pub(super) fn connect(
    connector: Connector,
    avoid: Option<String>,
    pause: Duration,
) -> Receiver<Connecting> {
    let (sender, steps) = unbounded();
    let failed = sender.clone();
    let started = thread::Builder::new()
        .name("connector".to_owned())
        .spawn(move || {
            if !pause.is_zero() {
                // A broker that takes connections and drops them must not be hammered.
                let pause = backoff::jittered(pause);
                let _ = connector.options.when_cancelled.recv_timeout(pause);
            }
            let connected = connector.connect(avoid.as_deref(), |fault| {
                let _ = sender.send(Connecting::Retrying(fault.clone()));
            });
            let _ = sender.send(match connected {
                Ok(link) => Connecting::Done(link),
                Err(fault) => Connecting::Failed(fault),
            });
        });
    if let Err(error) = started {
        let text = format!("cannot start a thread to connect with: {error}");
        let _ = failed.send(Connecting::Failed(Fault::new(Kind::Unreachable, text)));
    }
    steps
}
