//! The handshake, on the thread that connects.

use super::failure::Why;
use super::own_certificate::OwnCertificate;
use super::stream::TlsStream;
use super::{Peer, Prepared, Tls};
use crate::base::fault::Fault;
use rustls::ClientConnection;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// Shakes hands on `socket`, which still blocks. There is no time-out here: the
/// watchdog ends it.
///
/// With TLS 1.3 this side is done before the broker has looked at our certificate. Its refusal
/// comes with the first read; [`TlsStream::failure`] tells it.
pub(in crate::amqp) fn shake_hands(
    prepared: Prepared,
    peer: Peer<'_>,
    tls: &Tls,
    mut socket: TcpStream,
) -> Result<TlsStream, Fault> {
    let (connection, certificate) = begin(prepared);
    let why = Why {
        peer,
        tls,
        certificate: &certificate,
    };
    let mut connection = connection.map_err(|error| why.failed(&error))?;
    let mut first = [0; 4];
    match hello(&mut connection, &mut socket, &mut first) {
        Ok(()) => TlsStream::new(connection, socket, Arc::clone(&certificate))
            .map_err(|error| why.socket_failed(&error)),
        Err(error) => Err(why.handshake_failed(&first, &error)),
    }
}

/// A connection before its handshake, and the certificate that it may show.
pub(super) fn begin(
    Prepared { name, loaded }: Prepared,
) -> (Result<ClientConnection, rustls::Error>, Arc<OwnCertificate>) {
    let certificate = Arc::new(OwnCertificate::new(loaded.own));
    let mut config = loaded.config;
    config.client_auth_cert_resolver = Arc::<OwnCertificate>::clone(&certificate);
    (ClientConnection::new(Arc::new(config), name), certificate)
}

/// The handshake itself. Keeps the peer's first bytes: they tell what it speaks where that is
/// not TLS.
fn hello(
    connection: &mut ClientConnection,
    socket: &mut TcpStream,
    first: &mut [u8],
) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(socket)?;
    }
    socket.peek(first)?;
    while connection.is_handshaking() || connection.wants_write() {
        connection.complete_io(socket)?;
    }
    Ok(())
}
