//! What passes between amiquip and the socket, or TLS, checked before amiquip acts on it.
//!
//! amiquip trusts the sizes that a peer announces: an HTTP server on the port made it reserve
//! 1.3 GB. So the frame headers are followed here, and a peer that does not speak AMQP 0-9-1, or
//! announces more than was agreed, is refused before anything is reserved for it.
//!
//! During the handshake this also (a) replaces the client properties in `connection.start-ok`,
//! which amiquip does not let us set, so that RabbitMQ names the connection in its listings and
//! tells refused credentials at once instead of closing silently after three seconds, (b) keeps the
//! reason of a `connection.close`, which amiquip drops at that stage, and (c) sends some of
//! amiquip's frames earlier (`early_open`).

use super::cut_content::{ContentWrite, CutContent};
use super::early_open::{EarlyOpen, EarlyWrite, PROTOCOL_HEADER};
use super::frames::FrameScanner;
use super::gate::Gate;
use super::start_ok;
use super::violation::Violation;
use amiquip::IoStream;
use mio::event::Evented;
use mio::{Poll, PollOpt, Ready, Registration, SetReadiness, Token};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// What the handshake showed, for the thread that waits for it.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The broker's `connection.close` during the handshake: reply code and text.
    pub(super) close: OnceLock<(u16, String)>,
    /// Why the peer was refused.
    pub(super) violation: OnceLock<Violation>,
    /// The connection was open before that.
    pub(super) opened: AtomicBool,
    /// The first channel looks for the expected queue.
    pub(super) looks_for_queue: AtomicBool,
    /// How many bytes the peer's system has taken.
    pub(super) written: Arc<AtomicU64>,
    /// What is written passes it.
    pub(super) gate: Arc<Gate>,
}

impl Observed {
    /// Whether the broker has opened the connection.
    pub(super) fn is_open(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }
}

/// The bytes of `basic.publish` and of a content header, without names, properties and a body.
const SMALLEST_PUBLISH: u64 = (7 + 9 + 1) + (7 + 14 + 1);

/// RabbitMQ tells it once, and once more if there is another reason.
const BLOCKS_MAX: u64 = 1000;

/// The stream that amiquip reads and writes.
pub(super) struct GuardedStream {
    /// The socket itself, or TLS over it.
    transport: Box<dyn IoStream>,
    inbound: FrameScanner,
    /// The broker will list the connection under this name. `None` once it was told.
    connection_name: Option<String>,
    replacement: Option<Replacement>,
    early: EarlyOpen,
    cut_content: CutContent,
    /// Wakes amiquip's loop for what is here and not in the socket.
    alarm: (Registration, SetReadiness),
    observed: Arc<Observed>,
}

/// Bytes that replace what amiquip wants to write. amiquip offers its own again until they are
/// taken.
struct Replacement {
    bytes: Vec<u8>,
    written: usize,
    original: usize,
}

impl Replacement {
    fn new(bytes: Vec<u8>, original: usize) -> Self {
        Self {
            bytes,
            written: 0,
            original,
        }
    }
}

impl GuardedStream {
    /// Guards `transport`, and greets the broker, which will list the connection as
    /// `connection_name`.
    pub(super) fn new(
        mut transport: Box<dyn IoStream>,
        connection_name: String,
        expected_queue: Option<&str>,
        observed: Arc<Observed>,
    ) -> Self {
        let mut early = EarlyOpen::looking_for(expected_queue);
        // So few bytes go out at once or not at all. If not, amiquip meets the same and tells it.
        if transport.write(&PROTOCOL_HEADER).ok() == Some(PROTOCOL_HEADER.len()) {
            early.greeted();
        }
        Self {
            transport,
            inbound: FrameScanner::default(),
            connection_name: Some(connection_name),
            replacement: None,
            early,
            cut_content: CutContent::default(),
            alarm: Registration::new2(),
            observed,
        }
    }

    /// Reads from the transport, and checks what comes.
    fn read_checked(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.transport.read(buffer)?;
        let close = self
            .inbound
            .scan(&mut buffer[..count])
            .map_err(|violation| refuse(&self.observed, violation))?;
        if let Some(close) = close {
            let _ = self.observed.close.set(close);
        }
        let written = self.observed.written.load(Ordering::Relaxed);
        let answers = self.inbound.answers();
        if answers.to_messages > written / SMALLEST_PUBLISH * 2
            || answers.blocks_in_a_row > BLOCKS_MAX
        {
            return Err(refuse(&self.observed, Violation::TooManyAnswers));
        }
        Ok(count)
    }

    /// What to write in place of `buffer`, if anything.
    fn replaced(&mut self, buffer: &[u8]) -> Option<Replacement> {
        let name = self.connection_name.as_deref()?;
        let (bytes, original) = start_ok::replace(buffer, name)?;
        self.connection_name = None;
        Some(Replacement::new(bytes, original))
    }

    /// Writes the replacement. amiquip offers the same bytes again after `WouldBlock`, so none of
    /// the original may be reported as written before all of the replacement is.
    fn write_replacement(&mut self, mut replacement: Replacement) -> io::Result<usize> {
        while replacement.written < replacement.bytes.len() {
            match self
                .transport
                .write(&replacement.bytes[replacement.written..])
            {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => replacement.written += count,
                Err(error) => {
                    self.replacement = Some(replacement);
                    return Err(error);
                }
            }
        }
        Ok(replacement.original)
    }
}

fn refuse(observed: &Observed, violation: Violation) -> io::Error {
    let _ = observed.violation.set(violation);
    io::Error::new(io::ErrorKind::InvalidData, violation.to_string())
}

impl Read for GuardedStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.early.has_ready() {
                return Ok(self.early.read(buffer));
            }
            let count = self.read_checked(buffer)?;
            if count == 0 || !self.early.is_watching() {
                return Ok(count);
            }
            if self.early.incoming(&buffer[..count]) {
                self.observed.opened.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl Write for GuardedStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let begun = self.replacement.take();
        if let Some(replacement) = begun.or_else(|| self.replaced(buffer)) {
            return self.write_replacement(replacement);
        }
        match self
            .early
            .outgoing(buffer, self.inbound.is_between_frames())
        {
            EarlyWrite::Pass(most) => {
                let most = match self.cut_content.next(&buffer[..most]) {
                    ContentWrite::Pass(most) => most,
                    ContentWrite::Replace(bytes, original) => {
                        self.cut_content.written(buffer, original);
                        return self.write_replacement(Replacement::new(bytes, original));
                    }
                };
                self.observed.gate.pass();
                let count = self.transport.write(&buffer[..most])?;
                self.cut_content.written(buffer, count);
                self.early.written(count);
                self.observed
                    .written
                    .fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            EarlyWrite::Append(more) => {
                let looks = self.early.looks_for_queue();
                self.observed
                    .looks_for_queue
                    .store(looks, Ordering::Relaxed);
                let bytes = [buffer, &more].concat();
                self.write_replacement(Replacement::new(bytes, buffer.len()))
            }
            EarlyWrite::Keep(count) => {
                if self.early.has_ready() {
                    self.alarm.1.set_readiness(Ready::readable())?;
                }
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.transport.flush()
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
        self.transport.register(poll, token, interest, opts)?;
        poll.register(&self.alarm.0, token, Ready::readable(), PollOpt::edge())
    }

    fn reregister(
        &self,
        poll: &Poll,
        token: Token,
        interest: Ready,
        opts: PollOpt,
    ) -> io::Result<()> {
        self.transport.reregister(poll, token, interest, opts)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        poll.deregister(&self.alarm.0)?;
        self.transport.deregister(poll)
    }
}

impl IoStream for GuardedStream {}
