//! TLS by rustls, under amiquip's connection: set-up, handshake, stream, and what failed.
//!
//! Nothing here is touched for `amqp://`. The handshake runs on the thread that connects, with
//! the socket still blocking: the kill switch ends it when the time is up. Only then amiquip gets
//! the stream, see `stream`.

mod asked;
mod failure;
mod files;
mod stream;

pub(super) use stream::TlsStream;

use crate::base::endpoint::Endpoint;
use crate::base::fault::{Fault, Kind};
use asked::Asked;
use failure::Why;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection};
use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// What TLS is set up from. Nothing is read before a connection needs it.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file with the CA certificates that are trusted; `None`: the system's.
    cacert: Option<PathBuf>,
    /// PEM file with our own certificate and its chain.
    cert: Option<PathBuf>,
    /// PEM file with the private key to it; `None`: it is in the file of the certificate.
    key: Option<PathBuf>,
    /// What the files held at the first connection.
    first: Arc<OnceLock<Loaded>>,
}

/// All that one handshake needs.
pub(super) struct Prepared {
    name: ServerName<'static>,
    loaded: Loaded,
}

/// What the files held.
#[derive(Clone, Debug)]
struct Loaded {
    config: ClientConfig,
    own: Option<Arc<CertifiedKey>>,
}

impl Tls {
    /// TLS that trusts the CA certificates in `cacert`, or the system's, and shows the
    /// certificate in `cert` to a broker that asks for one. All files are PEM.
    #[must_use]
    pub fn new(cacert: Option<PathBuf>, cert: Option<PathBuf>, key: Option<PathBuf>) -> Self {
        Self {
            cacert,
            cert,
            key,
            first: Arc::default(),
        }
    }

    /// Gets ready to connect to `endpoint`.
    ///
    /// The files are read for each connection, so that a worker that reconnects takes renewed
    /// certificates up. Where they cannot be used at that moment, perhaps because they are just
    /// being replaced, what they held at first still holds.
    pub(super) fn prepare(&self, endpoint: &Endpoint) -> Result<Prepared, Fault> {
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|_| failure::no_server_name(endpoint))?;
        let loaded = match self.read() {
            Ok(loaded) => {
                let _ = self.first.set(loaded.clone());
                loaded
            }
            Err(fault) => self.first.get().cloned().ok_or(fault)?,
        };
        Ok(Prepared { name, loaded })
    }

    fn read(&self) -> Result<Loaded, Fault> {
        let provider = Arc::new(ring::default_provider());
        let roots = match &self.cacert {
            Some(path) => files::roots(path)?,
            None => files::system_roots()?,
        };
        let own = match &self.cert {
            Some(cert) => Some(Arc::new(files::own(cert, self.key.as_deref(), &provider)?)),
            None => None,
        };
        // The default is TLS 1.2 and 1.3.
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::new(Kind::SetUp, format!("TLS cannot be used: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Connections are few and long, and a broker that was restarted knows no session.
        config.resumption = Resumption::disabled();
        Ok(Loaded { config, own })
    }
}

/// Shakes hands on `socket`, which still blocks. There is no time-out here: whoever holds the
/// socket's kill switch ends it.
///
/// With TLS 1.3 this side is done before the broker has looked at our certificate. Its refusal
/// comes with the first read; [`TlsStream::failure`] tells it.
pub(super) fn shake_hands(
    Prepared { name, loaded }: Prepared,
    endpoint: &Endpoint,
    tls: &Tls,
    mut socket: TcpStream,
) -> Result<TlsStream, Fault> {
    let asked = Arc::new(Asked::new(loaded.own));
    let mut config = loaded.config;
    config.client_auth_cert_resolver = Arc::<Asked>::clone(&asked);
    let why = Why {
        endpoint,
        tls,
        asked: &asked,
    };
    let mut connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| why.failed(&error))?;
    let mut first = [0; 4];
    match hello(&mut connection, &mut socket, &mut first) {
        Ok(()) => TlsStream::new(connection, socket, Arc::clone(&asked))
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
