//! TLS for what is not AMQP: the same trust, the same certificate, the same explanations.

use super::failure::Why;
use super::handshake::begin;
use super::own_certificate::OwnCertificate;
use super::{Peer, Tls};
use crate::base::fault::Fault;
use rustls::ClientConnection;
use std::sync::Arc;

/// A TLS session that is to begin.
pub struct Session {
    /// What encrypts. The caller brings the socket.
    pub connection: ClientConnection,
    certificate: Arc<OwnCertificate>,
}

impl Tls {
    /// A session with `peer`.
    pub fn session(&self, peer: Peer<'_>) -> Result<Session, Fault> {
        let (connection, certificate) = begin(self.prepare(peer)?);
        match connection {
            Ok(connection) => Ok(Session {
                connection,
                certificate,
            }),
            Err(error) => Err(why(peer, self, &certificate).failed(&error)),
        }
    }
}

impl Session {
    /// Why it ended with `error`.
    #[must_use]
    pub fn failed(&self, peer: Peer<'_>, tls: &Tls, error: &rustls::Error) -> Fault {
        why(peer, tls, &self.certificate).failed(error)
    }
}

fn why<'a>(peer: Peer<'a>, tls: &'a Tls, certificate: &'a OwnCertificate) -> Why<'a> {
    Why {
        peer,
        tls,
        certificate,
    }
}
