//! Values of options.

use crate::base::duration::duration_in;
use crate::base::endpoint::Password;
use crate::base::fault::{Fault, Kind};
use std::num::{IntErrorKind, ParseIntError};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// A number from 1 on, for unsigned types that know no zero, of 64 bits at most.
pub(crate) fn positive<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse::<T>().map_err(|error| match error.kind() {
        IntErrorKind::Zero => "it must be at least 1".to_owned(),
        IntErrorKind::PosOverflow => {
            let largest = u64::MAX >> (u64::BITS - 8 * u32::try_from(size_of::<T>()).unwrap_or(8));
            format!("it must be at most {largest}")
        }
        _ => "it must be a whole number".to_owned(),
    })
}

/// How often the broker is to be heard.
pub(super) fn heartbeat(text: &str) -> Result<Duration, String> {
    // The wire knows whole seconds up to 65535.
    let range = Duration::from_secs(1)..=Duration::from_secs(u64::from(u16::MAX));
    duration_in(text, range, "it must be between 1s and 65535s")
}

/// The password in a file.
pub(super) fn read_password(path: &Path) -> Result<Password, Fault> {
    let unusable = |why: String| {
        let text = format!("cannot read the password file {}: {why}", path.display());
        Fault::new(Kind::SetUp, text)
    };
    let bytes = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    let mut password = String::from_utf8(bytes).map_err(|_| unusable("it is not UTF-8".into()))?;
    if password.ends_with('\n') {
        password.pop();
        if password.ends_with('\r') {
            password.pop();
        }
    }
    if password.contains('\0') {
        return Err(unusable("it contains a NUL byte".into()));
    }
    Ok(Password::new(password))
}
