//! What passes between amiquip and the socket, or TLS, checked before amiquip acts on it.
//!
//! amiquip trusts the sizes that a peer announces: an HTTP server on the port made it reserve
//! 1.3 GB. So the frame headers are followed here, and a peer that does not speak AMQP 0-9-1, or
//! announces more than was agreed, is refused before anything is reserved for it.
//!
//! During the handshake this also (a) replaces the client properties in `connection.start-ok`,
//! which amiquip does not let us set, so that RabbitMQ names the connection in its listings and
//! tells refused credentials at once instead of closing silently after three seconds, and (b)
//! keeps the reason of a `connection.close`, which amiquip drops at that stage.

use super::carrier::Carrier;
use super::frames::{FrameScanner, Violation};
use super::start_ok;
use mio::event::Evented;
use mio::{Poll, PollOpt, Ready, Token};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// What the handshake showed, for the thread that waits for it.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The broker's `connection.close` during the handshake: reply code and text.
    pub(super) close: OnceLock<(u16, String)>,
    /// Why the peer was refused.
    pub(super) violation: OnceLock<Violation>,
    /// How many bytes the peer's system has taken.
    pub(super) written: AtomicU64,
}

/// The stream that amiquip reads and writes.
pub(super) struct GuardedStream {
    carrier: Carrier,
    inbound: FrameScanner,
    handshake: Handshake,
    observed: Arc<Observed>,
}

enum Handshake {
    /// The next write that is a `connection.start-ok` is replaced, with these properties.
    Expected {
        connection_name: String,
    },
    /// The replacement is being written; amiquip offers the original again until we take it.
    Replacing {
        bytes: Vec<u8>,
        written: usize,
        original: usize,
    },
    Done,
}

impl GuardedStream {
    /// Guards `carrier`; the broker will list the connection as `connection_name`.
    pub(super) fn new(carrier: Carrier, connection_name: String, observed: Arc<Observed>) -> Self {
        Self {
            carrier,
            inbound: FrameScanner::default(),
            handshake: Handshake::Expected { connection_name },
            observed,
        }
    }
}

impl Read for GuardedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.carrier.read(buffer)?;
        let close = self
            .inbound
            .scan(&mut buffer[..count])
            .map_err(|violation| {
                let error = io::Error::new(io::ErrorKind::InvalidData, violation.to_string());
                let _ = self.observed.violation.set(violation);
                error
            })?;
        if let Some(close) = close {
            let _ = self.observed.close.set(close);
        }
        Ok(count)
    }
}

impl Write for GuardedStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if let Handshake::Expected { connection_name } = &self.handshake {
            if let Some((bytes, original)) = start_ok::replace(buffer, connection_name) {
                self.handshake = Handshake::Replacing {
                    bytes,
                    written: 0,
                    original,
                };
            }
        }
        match &mut self.handshake {
            Handshake::Replacing {
                bytes,
                written,
                original,
            } => {
                // amiquip offers the same bytes again after `WouldBlock`, so none of the original
                // may be reported as written before all of the replacement is.
                while *written < bytes.len() {
                    *written += self.carrier.write(&bytes[*written..])?;
                }
                let original = *original;
                self.handshake = Handshake::Done;
                Ok(original)
            }
            Handshake::Expected { .. } | Handshake::Done => {
                let count = self.carrier.write(buffer)?;
                self.observed
                    .written
                    .fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.carrier.flush()
    }
}

impl Evented for GuardedStream {
    fn register(
        &self,
        poll: &Poll,
        token: Token,
        interest: Ready,
        opts: PollOpt,
    ) -> io::Result<()> {
        self.carrier.register(poll, token, interest, opts)
    }

    fn reregister(
        &self,
        poll: &Poll,
        token: Token,
        interest: Ready,
        opts: PollOpt,
    ) -> io::Result<()> {
        self.carrier.reregister(poll, token, interest, opts)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.carrier.deregister(poll)
    }
}

impl amiquip::IoStream for GuardedStream {}
