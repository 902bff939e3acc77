//! The PEM files of `--cacert`, `--cert` and `--key`, and the system's CA certificates.

use crate::base::fault::{Fault, Kind};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::Path;

/// The CA certificates in `path`, all of which are trusted.
pub(super) fn roots(path: &Path) -> Result<RootCertStore, Fault> {
    let file = File::read("--cacert", path)?;
    let mut roots = RootCertStore::empty();
    for certificate in file.certificates()? {
        roots
            .add(certificate)
            .map_err(|error| file.unusable(&format!("it holds a damaged certificate ({error})")))?;
    }
    Ok(roots)
}

/// The CA certificates that this system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR`
/// name in their place.
pub(super) fn system_roots() -> Result<RootCertStore, Fault> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems trust a few certificates that no longer parse; the others count.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let why = match found.errors.first() {
        Some(error) => format!(" ({error})"),
        None => String::new(),
    };
    Err(Fault::new(
        Kind::SetUp,
        format!(
            "no CA certificates are found on this system{why}; name a file with --cacert, or \
             install the package ca-certificates"
        ),
    ))
}

/// Our own certificate with its chain, and the private key to it. Without a `key` of its own, that
/// is in the same file, as with curl.
pub(super) fn own(
    cert: &Path,
    key: Option<&Path>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, Fault> {
    let cert = File::read("--cert", cert)?;
    let chain = cert.certificates()?;
    let (key, hint) = match key {
        Some(path) => (File::read("--key", path)?, ""),
        None => (cert.clone(), "; name the file that does with --key"),
    };
    let private = key.private_key(hint)?;
    let loaded = provider
        .key_provider
        .load_private_key(private)
        .map_err(|_| key.unusable("its private key is damaged, or of a kind that is not known"))?;
    let own = CertifiedKey::new(chain, loaded);
    match own.keys_match() {
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            let cert = cert.path.display();
            Err(key.unusable(&format!(
                "its key does not belong to the certificate in {cert}"
            )))
        }
        Err(rustls::Error::InvalidCertificate(error)) => {
            Err(cert.unusable(&format!("it holds a damaged certificate ({error})")))
        }
        // That a key cannot be compared says nothing against it.
        Ok(()) | Err(_) => Ok(own),
    }
}

/// A file that an option names, and what it holds.
#[derive(Clone)]
struct File<'a> {
    option: &'static str,
    path: &'a Path,
    content: Vec<u8>,
}

impl<'a> File<'a> {
    fn read(option: &'static str, path: &'a Path) -> Result<Self, Fault> {
        let mut file = Self {
            option,
            path,
            content: Vec::new(),
        };
        file.content = fs::read(path).map_err(|error| file.unusable(&error.to_string()))?;
        if file.content.is_empty() {
            return Err(file.unusable("it is empty"));
        }
        Ok(file)
    }

    /// All certificates, in their order. There is one at least.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.content).collect();
        match found {
            Ok(found) if found.is_empty() => {
                Err(self.unusable("it holds no certificate in PEM form (BEGIN CERTIFICATE)"))
            }
            Ok(found) => Ok(found),
            Err(_) => Err(self.unusable("it is damaged: not whole PEM")),
        }
    }

    /// The first private key. `hint` says where it may be, if there is none.
    fn private_key(&self, hint: &str) -> Result<PrivateKeyDer<'static>, Fault> {
        // `BEGIN ENCRYPTED PRIVATE KEY`, or the older `Proc-Type: 4,ENCRYPTED` behind `BEGIN`.
        let is_encrypted = self.content.windows(9).any(|part| part == b"ENCRYPTED");
        match PrivateKeyDer::from_pem_slice(&self.content) {
            Ok(key) => Ok(key),
            Err(_) if is_encrypted => Err(self.unusable(
                "its private key is encrypted; give one without a passphrase, in a file that only \
                 you can read: `openssl pkey -in FILE -out NEW`",
            )),
            Err(pem::Error::NoItemsFound) => Err(self.unusable(&format!(
                "it holds no private key in PEM form (BEGIN PRIVATE KEY){hint}"
            ))),
            Err(_) => Err(self.unusable("it is damaged: not whole PEM")),
        }
    }

    fn unusable(&self, why: &str) -> Fault {
        let text = format!("cannot use {} {}: {why}", self.option, self.path.display());
        Fault::new(Kind::SetUp, text)
    }
}
