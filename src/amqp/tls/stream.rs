//! The stream under amiquip's: encrypts what it writes and decrypts what it reads.

use super::failure::Why;
use super::own_certificate::OwnCertificate;
use super::{Peer, Tls};
use crate::base::fault::Fault;
use amiquip::IoStream;
use mio::event::Evented;
use mio::{Poll, PollOpt, Ready, Token};
use rustls::ClientConnection;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};

/// How much is read from the socket at once, and encrypted at once: four TLS records of 16 KiB.
/// rustls itself would read 4 KiB at a time.
const PIECE: usize = 64 * 1024;

/// A TLS connection for mio's poll. It never blocks.
pub(in crate::amqp) struct TlsStream {
    tls: ClientConnection,
    /// What mio watches.
    watched: mio::net::TcpStream,
    /// The same socket once more: the standard library's can write several pieces with one call,
    /// mio's cannot.
    socket: TcpStream,
    /// `received[taken..filled]` came from the socket and was not given to `tls` yet.
    received: Box<[u8]>,
    filled: usize,
    taken: usize,
    /// How many bytes of the current write are encrypted, but not yet all sent.
    encrypted: usize,
    failure: Failure,
}

/// Why TLS itself failed, if it has. amiquip would tell it like any other error of the socket.
#[derive(Clone)]
pub(in crate::amqp) struct Failure {
    certificate: Arc<OwnCertificate>,
    error: Arc<OnceLock<rustls::Error>>,
}

impl Failure {
    /// The explanation of what ended TLS, if anything has.
    pub(in crate::amqp) fn explained(&self, peer: Peer<'_>, tls: &Tls) -> Option<Fault> {
        let certificate = &self.certificate;
        let why = Why {
            peer,
            tls,
            certificate,
        };
        self.error.get().map(|error| why.failed(error))
    }
}

impl TlsStream {
    /// Makes the socket non-blocking.
    pub(super) fn new(
        mut tls: ClientConnection,
        socket: TcpStream,
        certificate: Arc<OwnCertificate>,
    ) -> io::Result<Self> {
        // What waits for the socket is bounded by `PIECE` already.
        tls.set_buffer_limit(None);
        Ok(Self {
            tls,
            watched: mio::net::TcpStream::from_stream(socket.try_clone()?)?,
            socket,
            received: vec![0; PIECE].into_boxed_slice(),
            filled: 0,
            taken: 0,
            encrypted: 0,
            failure: Failure {
                certificate,
                error: Arc::default(),
            },
        })
    }

    /// Where a failure of TLS itself will be told.
    pub(in crate::amqp) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// Takes bytes from the socket and decrypts until there is something to read.
    fn receive(&mut self) -> io::Result<Received> {
        if self.taken == self.filled {
            (self.taken, self.filled) = (0, self.socket.read(&mut self.received)?);
            if self.filled == 0 {
                return Ok(Received::End);
            }
        }
        while self.taken < self.filled {
            let mut rest = &self.received[self.taken..self.filled];
            self.taken += self.tls.read_tls(&mut rest)?;
            let state = self.tls.process_new_packets();
            let state = state.map_err(|error| self.failed(error))?;
            if state.peer_has_closed() {
                // Nothing that comes behind the goodbye counts.
                self.taken = self.filled;
            }
            if state.plaintext_bytes_to_read() > 0 {
                break;
            }
        }
        // Some answers are TLS's own, to a change of keys for instance. What cannot be sent now
        // goes with the next write.
        let _ = self.send();
        Ok(Received::Bytes)
    }

    /// Sends what is encrypted.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Keeps `error`, and tells the peer.
    fn failed(&mut self, error: rustls::Error) -> io::Error {
        let _ = self.send();
        let _ = self.failure.error.set(error.clone());
        io::Error::new(ErrorKind::InvalidData, error)
    }

    /// What ended the connection, where writing failed with `error`. A peer that refuses us says
    /// why and closes; its word is still there to be read when writing already fails.
    fn last_word(&mut self, error: io::Error) -> io::Error {
        loop {
            match self.receive() {
                Ok(Received::Bytes) => {}
                Err(said) if said.kind() == ErrorKind::InvalidData => return said,
                Ok(Received::End) | Err(_) => return error,
            }
        }
    }
}

/// What the socket gave.
enum Received {
    Bytes,
    End,
}

impl Read for TlsStream {
    /// Gives all that is here already, and only then asks the socket. amiquip reads until the
    /// socket would block, so that nothing is left behind that no further event would tell of; and
    /// as each of its reads clears the whole buffer first, it should be filled by few of them.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self.tls.reader().read(&mut buffer[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                Err(_) if count > 0 && self.taken == self.filled => break,
                Err(_) => match self.receive() {
                    Ok(Received::Bytes) => {}
                    // AMQP says goodbye itself. So it does not matter whether TLS does.
                    Ok(Received::End) => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    // rustls tells its errors again.
                    Err(_) if count > 0 => break,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(count)
    }
}

impl Write for TlsStream {
    /// Reports bytes as written once they are sent, and not when they are only encrypted: amiquip
    /// would not come back to send the rest. After `WouldBlock` it offers the same bytes again,
    /// which are not encrypted a second time.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.encrypted == 0 {
            let piece = &buffer[..buffer.len().min(PIECE)];
            self.encrypted = self.tls.writer().write(piece)?;
        }
        match self.send() {
            Ok(()) => Ok(std::mem::take(&mut self.encrypted)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
            Err(error) => Err(self.last_word(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl IoStream for TlsStream {}

impl Evented for TlsStream {
    fn register(
        &self,
        poll: &Poll,
        token: Token,
        interest: Ready,
        opts: PollOpt,
    ) -> io::Result<()> {
        self.watched.register(poll, token, interest, opts)
    }

    fn reregister(
        &self,
        poll: &Poll,
        token: Token,
        interest: Ready,
        opts: PollOpt,
    ) -> io::Result<()> {
        self.watched.reregister(poll, token, interest, opts)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.watched.deregister(poll)
    }
}
