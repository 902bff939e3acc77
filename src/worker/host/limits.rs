//! The limits that the user sets.

use super::memory::{self, Memory};
use super::system::{cpus, untold};
use crate::base::fault::Fault;
use clap::Args;
use std::path::Path;
use std::str::FromStr;

/// When the host is too busy for more tasks.
#[derive(Args, Clone, Debug, Default)]
pub struct HostLimits {
    /// Begin no task while the load average is above N, or `N%` of the CPUs
    ///
    /// The load average is that of the last minute. Waiting tasks go to other workers.
    #[arg(long, value_name = "N", help_heading = "Host")]
    max_load: Option<MaxLoad>,

    /// Begin no task while less than SIZE of memory is available, such as `500M`, `2G` or `10%`
    ///
    /// In a cgroup with a limit (a container, a systemd unit), what is left of that limit counts, too.
    /// Waiting tasks go to other workers.
    #[arg(long, value_name = "SIZE", help_heading = "Host")]
    min_memory: Option<MinMemory>,
}

/// A load average.
#[derive(Clone, Copy, Debug, PartialEq)]
struct MaxLoad(f64);

/// How much memory must be available.
#[derive(Clone, Copy, Debug, PartialEq)]
enum MinMemory {
    Bytes(u64),
    /// Of all that this process may use.
    Percent(f64),
}

impl HostLimits {
    /// Whether there are any.
    pub(super) fn is_set(&self) -> bool {
        self.max_load.is_some() || self.min_memory.is_some()
    }

    /// What is exceeded at the moment, on the system whose root is here; `None`: nothing.
    ///
    /// # Errors
    /// [`Kind::SetUp`]: the system does not tell.
    pub(super) fn exceeded(&self, root: &Path) -> Result<Option<String>, Fault> {
        if let Some(MaxLoad(most)) = self.max_load {
            let load = load(root)?;
            if load > most {
                return Ok(Some(format!("the load is {load:.2} (--max-load {most})")));
            }
        }
        if let Some(least) = self.min_memory {
            let memory = memory::of(root)?;
            if memory.available < least.bytes(memory) {
                let available = shown(memory.available);
                let least = shown(least.bytes(memory));
                return Ok(Some(format!(
                    "{available} of memory is available (--min-memory {least})"
                )));
            }
        }
        Ok(None)
    }
}

impl MinMemory {
    fn bytes(self, memory: Memory) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most all of the memory"
            )]
            Self::Percent(percent) => (memory.total as f64 * percent / 100.0) as u64,
        }
    }
}

impl FromStr for MaxLoad {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.strip_suffix('%') {
            Some(percent) => (percent, cpus() as f64 / 100.0),
            None => (text, 1.0),
        };
        Ok(Self(positive_number(number)? * unit))
    }
}

impl FromStr for MinMemory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = positive_number(percent)?;
            return if percent < 100.0 {
                Ok(Self::Percent(percent))
            } else {
                Err("it must be below 100%".to_owned())
            };
        }
        let (number, shift) = match text.as_bytes().last() {
            Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
            Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
            Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
            Some(b'T' | b't') => (&text[..text.len() - 1], 40),
            _ => (text, 0),
        };
        let number: u64 = number
            .parse()
            .map_err(|_| "it should look like 500M, 2G or 10%".to_owned())?;
        let bytes = number.checked_mul(1 << shift);
        let bytes = bytes.ok_or_else(|| "it is too large".to_owned())?;
        (bytes > 0)
            .then_some(Self::Bytes(bytes))
            .ok_or_else(|| "it must be above 0".to_owned())
    }
}

fn positive_number(text: &str) -> Result<f64, String> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.parse::<f64>().ok().filter(|_| is_plain);
    number
        .filter(|number| *number > 0.0 && number.is_finite())
        .ok_or_else(|| "it must be a number above 0, or a percentage".to_owned())
}

/// The load average of the last minute.
fn load(root: &Path) -> Result<f64, Fault> {
    let path = root.join("proc/loadavg");
    let text = std::fs::read_to_string(&path);
    let load = text
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok());
    load.ok_or_else(|| untold("the load", "--max-load", &path))
}

fn shown(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{}K", bytes >> 10),
        mebibytes @ 1..10_240 => format!("{mebibytes}M"),
        mebibytes => format!("{}G", mebibytes >> 10),
    }
}

#[cfg(test)]
mod tests;
