//! The URL of a broker, as users write it.

use super::endpoint::{Endpoint, LogIn, Password, Scheme};
use super::escape::is_harmful;
use super::fault::{Fault, Kind};
use percent_encoding::percent_decode_str;
use url::Url;

/// The ports of `amqp://` and `amqps://` without one (registered with IANA).
const AMQP_PORT: u16 = 5672;
const AMQPS_PORT: u16 = 5671;

impl Endpoint {
    /// Parses an `amqp://` or `amqps://` URL.
    ///
    /// No user means `guest` with the password `guest`, no host `localhost`, no port 5672 or, with
    /// TLS, 5671. No path and `/` both mean the vhost `/`; other vhosts are percent-encoded.
    /// `?auth_mechanism=external` logs in by certificate.
    ///
    /// # Errors
    /// [`Kind::SetUp`]. The message never quotes the URL, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let url = Url::parse(text).map_err(|error| unusable(&syntax_hint(text, error)))?;
        let (scheme, port) = match url.scheme() {
            "amqp" => (Scheme::Tcp, AMQP_PORT),
            "amqps" => (Scheme::Tls, AMQPS_PORT),
            _ => return Err(unusable("it does not begin with amqp:// or amqps://")),
        };
        if url.fragment().is_some() {
            return Err(unusable(
                "it contains a `#`; write %23 for a `#` in a password, or use --password-file",
            ));
        }
        // The parser has resolved these by now, and another vhost would be taken.
        let path = text.split('?').next().unwrap_or_default();
        if path.split('/').skip(3).any(is_dots) {
            return Err(unusable(
                "a vhost named `.` or `..` cannot stand in a URL; create one with another name",
            ));
        }
        let user = match url.username() {
            "" => "guest".to_owned(),
            user => decode(user, "user name")?,
        };
        let password = match url.password() {
            None => "guest".to_owned(),
            Some(password) => decode(password, "password")?,
        };
        Ok(Self {
            scheme,
            log_in: log_in(&url)?,
            host: host(&url)?,
            port: url.port().unwrap_or(port),
            vhost: vhost(url.path())?,
            user,
            password: Password::new(password),
        })
    }
}

fn host(url: &Url) -> Result<String, Fault> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']') {
        "" => Ok("localhost".to_owned()),
        host => {
            let host = decode(host, "host")?;
            // It is shown in messages and events, and no host is called so.
            if host.contains(is_harmful) {
                return Err(unusable("its host contains control characters"));
            }
            Ok(host)
        }
    }
}

/// The one thing that may be asked for behind a `?`, in RabbitMQ's own spelling. Anything else may
/// be part of a password.
fn log_in(url: &Url) -> Result<LogIn, Fault> {
    match url.query().map(str::to_ascii_lowercase).as_deref() {
        None | Some("auth_mechanism=plain") => Ok(LogIn::Password),
        Some("auth_mechanism=external") => Ok(LogIn::Certificate),
        Some(_) => Err(unusable(
            "it holds a `?`, behind which only auth_mechanism=external may stand; heartbeat, \
             time-outs and certificates are options of the command, and a `?` in a password is \
             written %3F",
        )),
    }
}

fn vhost(path: &str) -> Result<String, Fault> {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => Ok("/".to_owned()),
        path if path.contains('@') => Err(unusable(
            "there is an `@` in its path; write %2F for a `/` in a password, %40 for an `@` in a \
             vhost, or use --password-file",
        )),
        path if path.contains('/') => Err(unusable(
            "its path has several parts, but a vhost is one part; write %2F for a `/` in it",
        )),
        path => {
            let vhost = decode(path, "vhost")?;
            if vhost.len() > 255 {
                return Err(unusable("its vhost is longer than 255 bytes"));
            }
            Ok(vhost)
        }
    }
}

fn is_dots(segment: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(segment).collect();
    [&b"."[..], b".."].contains(&decoded.as_slice())
}

fn decode(part: &str, what: &str) -> Result<String, Fault> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(unusable(&format!(
            "its {what} is not UTF-8 after percent-decoding"
        ))),
    }
}

/// What is wrong with a URL that does not parse. A password with a bare special character is the
/// usual cause: `amqp://me:a#b@host` ends the address at the `#`.
fn syntax_hint(text: &str, error: url::ParseError) -> String {
    if text.is_empty() {
        return "it is empty".to_owned();
    }
    if text.contains(char::is_whitespace) {
        return "it contains a space; separate several URLs with commas".to_owned();
    }
    if !text.contains("://") {
        return "it should look like amqp://user:password@host:5672/vhost".to_owned();
    }
    if text.contains('@') {
        return format!(
            "{error}; if the password holds one of # / ? % [ ] @ : then write it \
             percent-encoded (%23 for #), or use --password-file"
        );
    }
    error.to_string()
}

fn unusable(why: &str) -> Fault {
    Fault::new(
        Kind::SetUp,
        format!("the broker's URL cannot be used: {why}"),
    )
}

#[cfg(test)]
mod tests;
