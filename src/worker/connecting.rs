//! Connecting, while running tasks go on.

use super::core::{End, Input};
use super::incoming::Incoming;
use super::session::{Flushed, Session, Turn};
use crate::amqp::Link;
use crate::amqp::connector::{Connector, RetryFor};
use crate::base::backoff::Backoff;
use crate::base::fault::Fault;
use crossbeam_channel::{Receiver, Sender, after, bounded, never, select};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// A connection that lasted so long was a good one.
const SERVED_WELL: Duration = Duration::from_secs(5);

type Connected = Result<Link, Fault>;

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
            self.backoff = Backoff::default();
            self.pause = Duration::ZERO;
        } else {
            self.pause = self.backoff.step();
        }
    }

    /// Connects on a thread of its own.
    fn begin(
        &self,
        connector: &Connector,
        messages: &Sender<Incoming>,
    ) -> io::Result<Receiver<Connected>> {
        let (sender, links) = bounded(1);
        let (connector, messages) = (connector.clone(), messages.clone());
        let (pause, lost) = (self.pause, self.lost.clone());
        thread::Builder::new()
            .name("connector".to_owned())
            .spawn(move || {
                let _ = connector.options.when_cancelled.recv_timeout(pause);
                let connected = connector.connect(lost.as_deref(), |fault| {
                    let _ = messages.send(Incoming::Retrying(fault.clone()));
                });
                let _ = sender.send(connected);
            })?;
        Ok(links)
    }
}

/// A connection that is being waited for.
enum AwaitedLink {
    /// None is wanted.
    Nothing,
    /// It comes from a thread.
    Link(Receiver<Connected>),
    /// No thread could be started; one is when this comes.
    Pause(Receiver<Instant>),
}

impl Session<'_> {
    /// Waits for a connection; or for the end, if that comes first.
    pub(super) fn await_link(&mut self, attempts: &mut Attempts) -> Result<Link, End> {
        let mut awaited = AwaitedLink::Nothing;
        loop {
            match self.follow(None) {
                Some(Turn::Connect) => awaited = self.begin_attempt(attempts),
                Some(Turn::End(end)) => return Err(end),
                Some(Turn::Consume(_) | Turn::Lost(_)) | None => {}
            }
            if self.flush() == Flushed::Failed {
                continue;
            }
            self.draw();
            let (links, pause) = match &awaited {
                AwaitedLink::Nothing => (never(), never()),
                AwaitedLink::Link(links) => (links.clone(), never()),
                AwaitedLink::Pause(pause) => (never(), pause.clone()),
            };
            let limit = self.patience();
            select! {
                recv(links) -> link => {
                    awaited = AwaitedLink::Nothing;
                    match link {
                        // Otherwise running tasks are all that is waited for.
                        Ok(Ok(link)) if !self.core.is_stopping() => return Ok(link),
                        Ok(Ok(_)) | Err(_) => {}
                        Ok(Err(fault)) => self.happened(Input::CannotConnect(fault)),
                    }
                },
                recv(pause) -> _ => awaited = self.begin_attempt(attempts),
                recv(self.messages) -> message => if let Ok(message) = message {
                    self.handle(message);
                },
                default(limit) => self.happened(Input::Time),
            }
        }
    }

    fn begin_attempt(&self, attempts: &mut Attempts) -> AwaitedLink {
        match attempts.begin(&self.settings.connector, &self.sender) {
            Ok(links) => AwaitedLink::Link(links),
            Err(error) => {
                let text = format!("cannot start a thread to connect with: {error}; trying again");
                self.teller.warn(&text);
                AwaitedLink::Pause(after(Backoff::MAX))
            }
        }
    }

    /// What people are told while the connector keeps trying.
    pub(super) fn retrying(&self, fault: &Fault) {
        let retry_for = self.settings.connector.retry_for;
        self.teller.warn(&match retry_for {
            RetryFor::Forever => format!("{fault}; trying again until it answers"),
            RetryFor::AtMost(_) => format!("{fault}; trying again (--retry-for {retry_for})"),
        });
    }
}
