//! TLS by rustls, under amiquip's connection: set-up, handshake, stream, and what failed.
//!
//! Nothing here is touched for `amqp://`. The handshake runs on the thread that connects, with
//! the socket still blocking: the watchdog ends it when the time is up. Only then amiquip gets
//! the stream, see `stream`.

mod failure;
mod files;
mod handshake;
mod own_certificate;
mod peer;
mod session;
mod stream;

pub(super) use handshake::shake_hands;
pub use peer::Peer;
pub use session::Session;

use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
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

    /// Gets ready to connect to `peer`.
    ///
    /// The files are read for each connection, so that a worker that reconnects picks up renewed
    /// certificates. If they cannot be used at that moment, perhaps because they are just being
    /// replaced, their content at the first connection is used.
    pub(super) fn prepare(&self, peer: Peer<'_>) -> Result<Prepared, Fault> {
        let name = ServerName::try_from(peer.host.to_owned()).map_err(|_| no_server_name(peer))?;
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

/// The URL's host is nothing that a certificate can be for.
fn no_server_name(peer: Peer<'_>) -> Fault {
    let host = escape(peer.host.as_bytes());
    let text = format!(
        "cannot connect to {peer}: TLS needs a host name or an IP address, and `{host}` is neither"
    );
    Fault::new(Kind::SetUp, text)
}
