//! What differs between versions of RabbitMQ, and how a test says so.

use super::Broker;
use amiquip::{AmqpValue, Connection};
use std::fmt;
use std::io::Write as _;

/// A version of RabbitMQ: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first number of each part counts, so that `4.3.0-rc.1` is 4.3.0.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| {
            let digits = part.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        let mut next = || parts.next().flatten();
        Some(Self(next()?, next()?, next()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Broker {
    /// The version that the broker tells each client.
    pub fn version(&self) -> Version {
        let connection = Connection::insecure_open(self.first_url()).unwrap();
        let told = connection.server_properties().get("version").cloned();
        connection.close().unwrap();
        match told {
            Some(AmqpValue::LongString(ref text)) => Version::parse(text),
            _ => None,
        }
        .unwrap_or_else(|| panic!("the broker told no version: {told:?}"))
    }
}

/// Says on the test's own output, also where the test passes, which part of it was left out and why.
pub fn left_out(version: Version, why: &str) {
    let why: Vec<&str> = why.lines().map(str::trim).collect();
    tell(&format!(
        "left out on RabbitMQ {version}: {}",
        why.join(" ")
    ));
}

/// Whether this machine has the program. Says on the test's own output that the test was left out
/// where it has not.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    if !found {
        left_out_here(&format!("there is no {name} here"));
    }
    found
}

/// The same, where the machine is why.
pub fn left_out_here(why: &str) {
    tell(&format!("left out: {why}"));
}

fn tell(what: &str) {
    let test = std::thread::current();
    let line = format!("{}: {what}\n", test.name().unwrap_or("a test"));
    // Not by a macro: the test runner would keep that from view.
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
