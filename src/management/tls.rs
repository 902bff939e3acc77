//! `https://`, by the same TLS as `amqps://`.

use super::Address;
use crate::amqp::{Peer, Tls, TlsSession};
use crate::base::endpoint::Scheme;
use rustls::Stream;
use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

/// Puts TLS between a connection and HTTP, if the URL wants it.
#[derive(Clone, Debug)]
pub(super) struct OverTls {
    address: Address,
    tls: Tls,
}

impl OverTls {
    pub(super) fn new(address: Address, tls: Tls) -> Self {
        Self { address, tls }
    }

    fn peer(&self) -> Peer<'_> {
        Peer {
            url: &self.address,
            host: &self.address.host,
        }
    }

    /// Explains what TLS itself says; the socket's failures stay what they are.
    fn explained(&self, session: &TlsSession, error: io::Error) -> Error {
        let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
        match of_tls {
            Some(rustls::Error::InvalidMessage(_)) => {
                Error::Io(io::Error::other("what answers there does not speak TLS"))
            }
            Some(of_tls) => {
                let fault = session.failed(self.peer(), &self.tls, of_tls);
                Error::Other(Box::new(fault))
            }
            None => error.into(),
        }
    }
}

impl<In: Transport> Connector<In> for OverTls {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if self.address.scheme() == Scheme::Tcp {
            return Ok(Some(Either::A(transport)));
        }
        let session = self.tls.session(self.peer());
        let mut session = session.map_err(|fault| Error::Other(Box::new(fault)))?;
        let clock = Arc::clone(&details.current_time);
        let mut socket = TransportAdapter::new(transport.boxed(), clock);
        socket.set_timeout(details.timeout);
        if let Err(error) = session.connection.complete_io(&mut socket) {
            return Err(self.explained(&session, error));
        }
        let config = details.config;
        Ok(Some(Either::B(Encrypted {
            over: self.clone(),
            session,
            socket,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
        })))
    }
}

/// A connection over TLS.
pub(super) struct Encrypted {
    over: OverTls,
    session: TlsSession,
    socket: TransportAdapter,
    buffers: LazyBuffers,
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.socket.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        let mut stream = Stream::new(&mut self.session.connection, &mut self.socket);
        let written = stream.write_all(output);
        written.map_err(|error| self.over.explained(&self.session, error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let mut stream = Stream::new(&mut self.session.connection, &mut self.socket);
        let read = stream.read(input);
        let count = read.map_err(|error| self.over.explained(&self.session, error))?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.socket.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encrypted").finish_non_exhaustive()
    }
}
