//! Where a broker is, and who we are to it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::fmt;

/// A password. It cannot be printed: `Debug` shows stars and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the handshake alone.
    #[must_use]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How a connection is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `amqp://`: plain TCP.
    Tcp,
    /// `amqps://`: TLS.
    Tls,
}

/// How we show who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogIn {
    /// By user name and password (SASL's PLAIN).
    Password,
    /// By the certificate that TLS has shown (SASL's EXTERNAL).
    Certificate,
}

/// One node of a broker, with the vhost and the credentials to use there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How the connection is carried.
    pub scheme: Scheme,
    /// How we show who we are.
    pub log_in: LogIn,
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Virtual host, decoded.
    pub vhost: String,
    /// User name, decoded.
    pub user: String,
    /// Password, decoded.
    pub password: Password,
}

impl Endpoint {
    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The URL without the password.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Tcp => "amqp://",
            Scheme::Tls => "amqps://",
        })?;
        if self.log_in == LogIn::Password {
            write!(f, "{}@", utf8_percent_encode(&self.user, UNSAFE))?;
        }
        f.write_str(&self.address())?;
        match self.vhost.as_str() {
            "/" => Ok(()),
            vhost => write!(f, "/{}", utf8_percent_encode(vhost, UNSAFE)),
        }
    }
}

/// What must not stand as it is in the user and vhost parts of a URL.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']');

#[cfg(test)]
mod fuzz;
