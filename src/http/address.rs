//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 leaves the choice to the system.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Ok(Self::Unix(PathBuf::from(text)));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            "it should look like 127.0.0.1:9090 or [::1]:9090, or be the path of a Unix socket, \
             with a `/`"
                .to_owned()
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for text in ["127.0.0.1:9090", "[::1]:0", "0.0.0.0:80"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address, ListenAddress::Tcp(text.parse().unwrap()));
            assert_eq!(address.to_string(), text);
        }
        for text in ["/run/worker.sock", "./worker.sock"] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address, ListenAddress::Unix(text.into()));
        }
        for text in [
            "",
            "9090",
            ":9090",
            "localhost:9090",
            "127.0.0.1",
            "::1:9090:x",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
