//! An open connection, and how it ends.

use super::channel::Channel;
use super::frame_guard::Observed;
use super::kill_switch::KillSwitch;
use super::watchdog::Watchdog;
use super::{CLOSE_LIMIT, RPC_LIMIT, errors};
use crate::base::fault::{Fault, Kind};
use amiquip::{AmqpValue, ConnectionBlockedNotification};
use crossbeam_channel::Receiver;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A series of RabbitMQ, as (4, 3). Unknown brokers count as the oldest.
pub type Series = (u16, u16);

/// An open connection.
pub struct Link {
    /// `None` only after `close`.
    pub(super) connection: Option<amiquip::Connection>,
    pub(super) blocked: Receiver<ConnectionBlockedNotification>,
    /// What `blocked` told while we looked whether the connection stands.
    pub(super) noted: RefCell<Vec<ConnectionBlockedNotification>>,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) switch: KillSwitch,
    pub(super) observed: Arc<Observed>,
    pub(super) address: String,
    /// Whether a channel was opened.
    pub(super) has_channels: bool,
}

impl Link {
    /// `host:port` of the broker.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The broker's series, from the version that it tells in the handshake.
    #[must_use]
    pub fn series(&self) -> Series {
        let connection = self.connection.as_ref();
        let version = connection.and_then(|open| open.server_properties().get("version"));
        match version {
            Some(AmqpValue::LongString(text)) => parse_series(text).unwrap_or_default(),
            _ => Series::default(),
        }
    }

    /// Whether the next channel looks for [`super::OpenOptions::expected_queue`] as it opens.
    #[must_use]
    pub fn looks_for_queue(&self) -> bool {
        !self.has_channels && self.observed.looks_for_queue.load(Ordering::Relaxed)
    }

    /// Opens a channel.
    pub fn channel(&mut self) -> Result<Channel, Fault> {
        self.has_channels = true;
        let guard = self.watchdog.guard(RPC_LIMIT);
        let opened = match self.connection.as_mut() {
            Some(connection) => connection.open_channel(None),
            None => Err(amiquip::Error::ClientClosedConnection),
        };
        drop(guard);
        match opened {
            Ok(channel) => {
                let gate = Arc::clone(&self.observed.gate);
                Ok(Channel::new(channel, Arc::clone(&self.watchdog), gate))
            }
            Err(error) => Err(self.diagnose(error.into())),
        }
    }

    /// The most telling reason for a `fault` that ended this connection. amiquip gives each
    /// cause once, to the first that asks, so the connection itself is asked last.
    #[must_use]
    pub fn diagnose(&mut self, fault: Fault) -> Fault {
        if fault.kind != Kind::Lost || self.is_alive() {
            return fault;
        }
        match self.end() {
            Some(cause) => errors::more_telling(fault, &cause, self.switch.is_thrown()),
            None => fault,
        }
    }

    /// Whether the connection still stands: its I/O thread holds the other end of `blocked`.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        use crossbeam_channel::TryRecvError;
        loop {
            match self.blocked.try_recv() {
                Ok(news) => self.noted.borrow_mut().push(news),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// How many bytes were written: while they leave, the broker cannot be expected to answer.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.observed.written.load(Ordering::Relaxed)
    }

    /// Ends the connection at once: nothing that is under way on it is waited for.
    pub fn give_up(&self) {
        self.switch.throw();
    }

    /// Says goodbye. An error only means that the broker did not answer it; all that was
    /// confirmed or acknowledged before is as safe as it was.
    pub fn close(&mut self) -> Result<(), Fault> {
        self.end().map_or(Ok(()), |error| Err(error.into()))
    }

    /// Closes the connection, if that is not done yet. Returns what went wrong with it.
    fn end(&mut self) -> Option<amiquip::Error> {
        let connection = self.connection.take()?;
        let _guard = self.watchdog.guard(CLOSE_LIMIT);
        connection.close().err()
    }
}

/// The series of a version such as `4.3.6` or `3.13.0-rc.1`.
fn parse_series(version: &str) -> Option<Series> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

impl Drop for Link {
    fn drop(&mut self) {
        // amiquip's own drop says goodbye and waits for the answer, for ever if it has to.
        if self.connection.is_some() {
            self.switch.throw();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_read_from_versions() {
        assert_eq!(parse_series("4.3.6"), Some((4, 3)));
        assert_eq!(parse_series("3.13.0-rc.1"), Some((3, 13)));
        assert_eq!(parse_series("4"), None);
        assert_eq!(parse_series("x.y"), None);
    }
}
