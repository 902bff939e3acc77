//! Our own certificate, and whether the broker asked for one.

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shows our certificate, if we have one, and remembers that it was asked for: a refusal can then
/// be told from other failures.
#[derive(Debug)]
pub(in crate::amqp) struct OwnCertificate {
    own: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl OwnCertificate {
    /// Not asked yet.
    pub(super) fn new(own: Option<Arc<CertifiedKey>>) -> Self {
        Self {
            own,
            was_asked: AtomicBool::new(false),
        }
    }

    /// Whether the broker asked for a certificate, and we had none.
    pub(super) fn in_vain(&self) -> bool {
        self.own.is_none() && self.was_asked.load(Ordering::SeqCst)
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::SeqCst);
        self.own.clone()
    }

    /// Says that the question may come. The answer may still be that there is none.
    fn has_certs(&self) -> bool {
        true
    }
}
