//! The URL of the management API, as users write it.

use crate::base::endpoint::{Password, Scheme};
use crate::base::fault::{Fault, Kind};
use percent_encoding::percent_decode_str;
use std::fmt;
use url::Url;

/// Where the management API is, and who is to ask there.
#[derive(Clone, Debug)]
pub struct Address {
    /// Scheme, host, port and path, without a slash at the end and without credentials.
    base: String,
    /// Host name or IP address, without brackets.
    pub(super) host: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<Password>,
}

impl Address {
    /// Parses an `http://` or `https://` URL, with or without user, password and path.
    ///
    /// # Errors
    /// [`Kind::SetUp`]. The message never quotes the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let lower = text.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            return Err(unusable("it should look like http://HOST:15672"));
        }
        let mut url = Url::parse(text).map_err(|error| {
            unusable(&format!(
                "{error}; special characters in a password are percent-encoded, as %23 for #"
            ))
        })?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable(
                "it contains a `?` or a `#`; in a password they are %3F and %23, and nothing else \
                 needs them",
            ));
        }
        if url.path().contains('@') {
            return Err(unusable(
                "there is an `@` in its path; write %2F for a `/` in a password",
            ));
        }
        let user = match url.username() {
            "" => None,
            user => Some(decode(user)?),
        };
        let password = url.password().map(decode).transpose()?.map(Password::new);
        // Only a URL without a host has no place for them, and then there is nothing to remove.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let host = url.host_str().unwrap_or_default();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            base: url.as_str().trim_end_matches('/').to_owned(),
            user,
            password,
        })
    }

    /// How it is reached.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        if self.base.starts_with("https:") {
            Scheme::Tls
        } else {
            Scheme::Tcp
        }
    }
}

/// The URL without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn decode(part: &str) -> Result<String, Fault> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(unusable(
            "its user or password is not UTF-8 after percent-decoding",
        )),
    }
}

fn unusable(why: &str) -> Fault {
    let text = format!("the URL of the management API cannot be used: {why}");
    Fault::new(Kind::SetUp, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, Option<String>, Option<String>) {
        let address = Address::parse(text).unwrap();
        let password = address.password.as_ref();
        let password = password.map(|password| password.reveal().to_owned());
        (address.to_string(), address.host, address.user, password)
    }

    #[test]
    fn user_and_password_are_taken_out() {
        for (text, shown, host) in [
            ("http://me:p%40%23@h:15672", "http://h:15672", "h"),
            (
                "HTTPS://me:p%40%23@[::1]:1/rabbit/",
                "https://[::1]:1/rabbit",
                "::1",
            ),
        ] {
            let (base, at, user, password) = parts(text);
            assert_eq!((base.as_str(), at.as_str()), (shown, host));
            assert_eq!(user.as_deref(), Some("me"));
            assert_eq!(password.as_deref(), Some("p@#"));
        }
        let (base, _, user, password) = parts("http://localhost:15672/");
        assert_eq!(base, "http://localhost:15672");
        assert_eq!((user, password), (None, None));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_showing_it() {
        for text in [
            "",
            "hunter2",
            "localhost:15672",
            "amqp://me:hunter2@h",
            "http://",
            "http://me:hunter2#@h",
            "http://me:hunter2?@h",
            "http://me:hunter2/@h",
            "http://me:h/unter2@h",
            "http://me:hunter2@h:port",
            "http://h/?x=hunter2",
            "http://me:hunter2%ff@h",
        ] {
            let fault = Address::parse(text).unwrap_err();
            assert_eq!(fault.kind, Kind::SetUp, "{text}");
            assert!(!fault.to_string().contains("unter2"), "{fault}");
        }
    }
}
