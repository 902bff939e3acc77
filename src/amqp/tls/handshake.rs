//! The handshake, on the thread that connects.

use super::failure::Why;
use super::own_certificate::OwnCertificate;
use super::stream::TlsStream;
use super::{Prepared, Tls};
use crate::base::endpoint::Endpoint;
use crate::base::fault::Fault;
use rustls::ClientConnection;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// Shakes hands on `socket`, which still blocks. There is no time-out here: whoever holds the
/// socket's kill switch ends it.
///
/// With TLS 1.3 this side is done before the broker has looked at our certificate. Its refusal
/// comes with the first read; [`TlsStream::failure`] tells it.
pub(in crate::amqp) fn shake_hands(
    Prepared { name, loaded }: Prepared,
    endpoint: &Endpoint,
    tls: &Tls,
    mut socket: TcpStream,
) -> Result<TlsStream, Fault> {
    let certificate = Arc::new(OwnCertificate::new(loaded.own));
    let mut config = loaded.config;
    config.client_auth_cert_resolver = Arc::<OwnCertificate>::clone(&certificate);
    let why = Why {
        endpoint,
        tls,
        certificate: &certificate,
    };
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| why.failed(&error))?;
    let mut first = [0; 4];
    match hello(&mut connection, &mut socket, &mut first) {
        Ok(()) => TlsStream::new(connection, socket, Arc::clone(&certificate))
            .map_err(|error| why.socket_failed(&error)),
        Err(error) => Err(why.handshake_failed(&first, &error)),
    }
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
