//! Why TLS failed, told as [`Fault`]s.
//!
//! A failure that a retry cannot change ends the command at once: a certificate that is not
//! trusted, or a peer that speaks something else.

use super::own_certificate::OwnCertificate;
use super::{Peer, Tls};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};
use std::io;
use std::time::{Duration, SystemTime};

/// Who failed, and what we had to show.
pub(super) struct Why<'a> {
    pub(super) peer: Peer<'a>,
    pub(super) tls: &'a Tls,
    pub(super) certificate: &'a OwnCertificate,
}

/// What a TLS connection begins with, in record type and version: a handshake or an alert.
const RECORDS: [[u8; 2]; 2] = [[0x16, 3], [0x15, 3]];

impl Why<'_> {
    /// The handshake ended with `error`, after the peer had begun with `first`.
    pub(super) fn handshake_failed(&self, first: &[u8], error: &io::Error) -> Fault {
        let is_tls = RECORDS.iter().any(|record| first.starts_with(record));
        match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(_) if first.starts_with(b"AMQP") => self.fault(
                Kind::NotAmqp,
                "the broker speaks no TLS on this port; use its TLS port, which is 5671 by \
                 default, or amqp:// for a connection that is not encrypted",
            ),
            Some(_) if !is_tls => self.fault(
                Kind::NotAmqp,
                "what answers there does not speak TLS; is it the right port? A broker's is 5671 \
                 by default",
            ),
            Some(error) => self.failed(error),
            None => self.socket_failed(error),
        }
    }

    /// The socket failed under the handshake.
    pub(super) fn socket_failed(&self, error: &io::Error) -> Fault {
        let hung_up = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
        );
        if !hung_up {
            let why = format!("the TLS handshake failed: {error}");
            return self.fault(Kind::Unreachable, &why);
        }
        let hint = if self.certificate.in_vain() {
            "it had asked for a client certificate; pass one with --cert and --key"
        } else {
            "is it a TLS port, and is the broker up?"
        };
        let why = format!("the connection was closed during the TLS handshake; {hint}");
        self.fault(Kind::Unreachable, &why)
    }

    /// TLS itself failed with `error`.
    pub(super) fn failed(&self, error: &Error) -> Fault {
        match error {
            Error::InvalidCertificate(error) => self.not_trusted(error),
            Error::AlertReceived(alert) => self.refused(*alert),
            Error::PeerIncompatible(why) => self.nothing_in_common(&format!("{why:?}")),
            Error::NoCertificatesPresented => self.not_trusted_because("it shows no certificate"),
            other => self.fault(Kind::Unreachable, &format!("TLS failed: {other}")),
        }
    }

    fn not_trusted(&self, error: &CertificateError) -> Fault {
        self.not_trusted_because(&match error {
            CertificateError::UnknownIssuer => {
                let whom = match &self.tls.cacert {
                    Some(path) => format!("none of the CAs in {}", path.display()),
                    None => "no CA that this system trusts; name its CA with --cacert".to_owned(),
                };
                format!("its certificate is signed by {whom}")
            }
            CertificateError::NotValidForName => self.other_name(&[]),
            CertificateError::NotValidForNameContext { presented, .. } => {
                self.other_name(presented)
            }
            CertificateError::Expired => "its certificate has expired".to_owned(),
            CertificateError::ExpiredContext { time, not_after } => format!(
                "its certificate expired on {}; the clock here says {}",
                date(*not_after),
                date(*time)
            ),
            CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
            CertificateError::NotValidYetContext { time, not_before } => format!(
                "its certificate is valid from {}, but the clock here says {}",
                date(*not_before),
                date(*time)
            ),
            CertificateError::Revoked => "its certificate is revoked".to_owned(),
            CertificateError::BadSignature => {
                "the signature on its certificate is wrong".to_owned()
            }
            CertificateError::Other(error) if error.to_string() == "CaUsedAsEndEntity" => {
                "its certificate is that of a CA, as self-signed ones mostly are; a broker needs \
                 one of its own, signed by the CA"
                    .to_owned()
            }
            other => format!("its certificate cannot be used ({other})"),
        })
    }

    fn other_name(&self, presented: &[String]) -> String {
        // rustls tells them as `DnsName("localhost")` and `IpAddress(127.0.0.1)`.
        let names: Vec<_> = presented
            .iter()
            .map(|name| name.split_once('(').map_or(name.as_str(), |(_, rest)| rest))
            .map(|name| escape(name.trim_matches(['"', '(', ')']).as_bytes()))
            .collect();
        let host = escape(self.peer.host.as_bytes());
        match names.as_slice() {
            [] => format!("its certificate is not for `{host}`"),
            names => format!(
                "its certificate is not for `{host}`, but for {}; use that name in the URL",
                names.join(", ")
            ),
        }
    }

    fn not_trusted_because(&self, why: &str) -> Fault {
        self.fault(Kind::SetUp, &format!("the broker is not trusted: {why}"))
    }

    /// The broker ended TLS with `alert`.
    fn refused(&self, alert: AlertDescription) -> Fault {
        use AlertDescription as Alert;
        match alert {
            Alert::CertificateRequired
            | Alert::HandshakeFailure
            | Alert::BadCertificate
            | Alert::AccessDenied
                if self.certificate.in_vain() =>
            {
                self.no_certificate()
            }
            Alert::CertificateExpired => self.certificate_refused("it has expired"),
            Alert::CertificateRevoked => self.certificate_refused("it is revoked"),
            Alert::UnknownCA => self.certificate_refused("it does not know the CA that signed it"),
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::AccessDenied
            | Alert::DecryptError => self.certificate_refused(&format!("{alert:?}")),
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity => {
                self.nothing_in_common(&format!("it says {alert:?}"))
            }
            Alert::UnrecognisedName => {
                self.not_trusted_because("the URL's host name is unknown to it")
            }
            other => self.fault(
                Kind::Unreachable,
                &format!("the broker ended the TLS handshake: {other:?}"),
            ),
        }
    }

    fn no_certificate(&self) -> Fault {
        self.fault(
            Kind::Refused,
            "the broker requires a client certificate; pass one with --cert and --key",
        )
    }

    fn certificate_refused(&self, why: &str) -> Fault {
        let whose = match &self.tls.cert {
            Some(path) => format!("the certificate in {}", path.display()),
            None => "what this client has shown".to_owned(),
        };
        self.fault(Kind::Refused, &format!("the broker refused {whose}: {why}"))
    }

    fn nothing_in_common(&self, why: &str) -> Fault {
        self.fault(
            Kind::SetUp,
            &format!("the broker has no version or cipher of TLS in common with this client, which speaks TLS 1.2 and 1.3 ({why})"),
        )
    }

    fn fault(&self, kind: Kind, why: &str) -> Fault {
        Fault::new(kind, format!("cannot connect to {}: {why}", self.peer))
    }
}

/// The day and the time in UTC.
fn date(time: UnixTime) -> humantime::Rfc3339Timestamp {
    /// The last second of the year 9999, behind which RFC 3339 has no days.
    const LAST: u64 = 253_402_300_799;
    let since = Duration::from_secs(time.as_secs().min(LAST));
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since)
}
