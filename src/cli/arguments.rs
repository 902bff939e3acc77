//! The command line as it was given, and as others may see it.
//!
//! Any user of a machine can read the arguments of any process (`ps`, `/proc/PID/cmdline`). So a
//! command that finds a password in one of its arguments starts itself anew, in the same process,
//! with stars in its place. The arguments as they were go along in the environment, which only
//! the same user can read; commands that a worker runs do not get it ([`CONCEALED`]).

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{self, Command};

/// The environment variable with the arguments that hold passwords, for this process alone.
pub const CONCEALED: &str = "WORK_QUEUE_CONCEALED";

/// The default credentials are no secret, and not worth the millisecond.
const NO_SECRET: &str = "guest:guest";

const STARS: &str = "***";

/// The option whose URL is not an AMQP one.
const MANAGEMENT: &str = "--management";

/// The arguments as they were given. Does not return where there is something to conceal: the
/// process begins anew.
///
/// To be called before anything else happens, and above all before a thread is started.
#[must_use]
pub fn take() -> Vec<OsString> {
    let shown: Vec<OsString> = env::args_os().collect();
    let concealed = env::var(CONCEALED).ok();
    if let Some(given) = concealed.and_then(|text| restored(&shown, &text, process::id())) {
        return given;
    }
    begin_anew(&shown);
    shown
}

/// Begins the process anew if there is something to conceal. Where that is not possible it goes
/// on as it is: the work matters more.
fn begin_anew(arguments: &[OsString]) {
    let mut concealed = Map::new();
    let shown: Vec<OsString> = arguments
        .iter()
        .enumerate()
        .map(|(at, argument)| {
            let before = at.checked_sub(1).map(|before| &arguments[before]);
            let text = argument.to_str().unwrap_or_default();
            let shown = conceal(before, text);
            if shown == text {
                return argument.clone();
            }
            concealed.insert(at.to_string(), json!(text));
            shown.into()
        })
        .collect();
    let (Some((name, rest)), Ok(program)) = (shown.split_first(), env::current_exe()) else {
        return;
    };
    if concealed.is_empty() {
        return;
    }
    let concealed = json!([process::id(), concealed]).to_string();
    // Returns only if it has failed.
    let _ = Command::new(program)
        .arg0(name)
        .args(rest)
        .env(CONCEALED, concealed)
        .exec();
}

/// `shown` with what `concealed` holds for the process `pid`. What came from another process is of
/// no meaning here.
fn restored(shown: &[OsString], concealed: &str, pid: u32) -> Option<Vec<OsString>> {
    let value: Value = serde_json::from_str(concealed).ok()?;
    let (of, concealed) = <(u32, Map<String, Value>)>::deserialize(value).ok()?;
    if of != pid {
        return None;
    }
    let mut given = shown.to_vec();
    for (at, argument) in concealed {
        let at: usize = at.parse().ok()?;
        *given.get_mut(at)? = argument.as_str()?.into();
    }
    Some(given)
}

/// `text` with stars for the passwords in it that are ours, as it stands behind the argument `before`.
fn conceal(before: Option<&OsString>, text: &str) -> String {
    if before.is_some_and(|before| before == MANAGEMENT) {
        return without_password(text);
    }
    match text.strip_prefix(MANAGEMENT) {
        Some(url) if url.starts_with('=') => format!("{MANAGEMENT}{}", without_password(url)),
        _ => conceal_amqp(text),
    }
}

/// `text` with stars for the passwords of the AMQP URLs in it. Each reaches to the next: a comma may
/// stand between two, or in a password that should not hold it.
fn conceal_amqp(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut begins: Vec<usize> = ["amqp://", "amqps://"]
        .iter()
        .flat_map(|scheme| lower.match_indices(scheme).map(|(at, _)| at))
        .collect();
    begins.sort_unstable();
    let mut shown = text[..begins.first().copied().unwrap_or(text.len())].to_owned();
    for (number, begin) in begins.iter().enumerate() {
        let end = begins.get(number + 1).copied().unwrap_or(text.len());
        shown.push_str(&without_password(&text[*begin..end]));
    }
    shown
}

/// `url` with stars for its password. What makes a URL unusable, such as a bare `@` or `#` in the
/// password, is concealed with it: all that may belong to the password.
#[must_use]
pub fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, address) = rest.rsplit_once('@')?;
        let (user, _) = credentials.split_once(':')?;
        (credentials != NO_SECRET).then_some((scheme, user, address))
    });
    match parts {
        Some((scheme, user, address)) => format!("{scheme}://{user}:{STARS}@{address}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_concealed_wherever_urls_stand() {
        for (given, shown) in [
            ("amqp://me:secret@h/v", "amqp://me:***@h/v"),
            ("--url=amqps://me:s@e:c#r/e?t@h", "--url=amqps://me:***@h"),
            ("-uamqp://:secret@h", "-uamqp://:***@h"),
            ("amqp://a:b@c,AMQP://d:e@f", "amqp://a:***@c,AMQP://d:***@f"),
            ("amqp://me:a,b@h", "amqp://me:***@h"),
            ("amqp://h,amqp://me:p@h", "amqp://h,amqp://me:***@h"),
        ] {
            assert_eq!(conceal(None, given), shown);
        }
        let (url, shown) = ("http://me:secret@h", "http://me:***@h");
        assert_eq!(conceal(Some(&MANAGEMENT.into()), url), shown);
        let joined = conceal(None, &format!("--management={url}"));
        assert_eq!(joined, format!("--management={shown}"));
    }

    #[test]
    fn what_holds_no_password_stays() {
        for text in [
            "amqp://guest:guest@h",
            "amqp://me@h",
            "amqp://h:5672",
            "a,b:c@d",
            "https://me:secret@h",
            "",
        ] {
            assert_eq!(conceal(None, text), text);
        }
    }

    #[test]
    fn only_what_was_meant_for_this_process_is_restored() {
        let shown = ["x", "amqp://me:***@h"].map(OsString::from);
        let concealed = r#"[7,{"1":"amqp://me:secret@h"}]"#;
        let given = restored(&shown, concealed, 7).unwrap();
        assert_eq!(given, ["x", "amqp://me:secret@h"]);
        assert_eq!(restored(&shown, concealed, 8), None);
        for nonsense in ["", "[7]", "[7,{\"1\":2}]", "[7,{\"9\":\"x\"}]", "{}"] {
            assert_eq!(restored(&shown, nonsense, 7), None);
        }
    }
}
