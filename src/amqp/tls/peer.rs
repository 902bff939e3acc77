//! Who is at the other end of a TLS connection.

use crate::base::endpoint::Endpoint;
use std::fmt;

/// Who is at the other end: its URL, for messages, and the host that its certificate must name.
#[derive(Clone, Copy)]
pub struct Peer<'a> {
    /// Shown in messages, so without a password.
    pub url: &'a dyn fmt::Display,
    /// Host name or IP address, without brackets.
    pub host: &'a str,
}

impl<'a> From<&'a Endpoint> for Peer<'a> {
    fn from(endpoint: &'a Endpoint) -> Self {
        Self {
            url: endpoint,
            host: &endpoint.host,
        }
    }
}

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
