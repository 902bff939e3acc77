//! amiquip's errors and the broker's replies, told as [`Fault`]s.

use super::frame_guard::Observed;
use super::options::OpenOptions;
use super::violation::Violation;
use crate::base::endpoint::{Endpoint, LogIn};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind, Reply};
use crate::base::refusal;
use amiquip::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// An error on a connection that was open.
pub(super) fn translate(error: &Error) -> Fault {
    match error {
        Error::ServerClosedChannel { code, message, .. } => refusal::explain(reply(*code, message)),
        Error::ServerClosedConnection { code, message } => {
            let text = format!(
                "the broker closed the connection: {}",
                escape(message.as_bytes())
            );
            Fault::new(Kind::Lost, text).with_reply(reply(*code, message))
        }
        Error::MissedServerHeartbeats => lost(
            "the broker sent nothing for two heartbeats; it may be frozen, or the network is down",
        ),
        Error::UnexpectedSocketClose => {
            lost("the broker closed the connection without giving a reason")
        }
        Error::IoErrorReadingSocket { source } | Error::IoErrorWritingSocket { source } => {
            lost(&format!("the connection to the broker failed: {source}"))
        }
        Error::EventLoopDropped | Error::EventLoopClientDropped | Error::IoThreadPanic => {
            lost(CONNECTION_GONE)
        }
        other => lost(&format!(
            "the connection to the broker failed: {}",
            words(other)
        )),
    }
}

impl From<Error> for Fault {
    /// An error on a connection that was open.
    fn from(error: Error) -> Self {
        translate(&error)
    }
}

/// Says nothing of the cause: amiquip gives it once, and this came after it.
const CONNECTION_GONE: &str = "the connection to the broker is gone";

/// `fault`, or what `cause` tells if that is more.
pub(super) fn more_telling(fault: Fault, cause: &Error, we_ended_it: bool) -> Fault {
    if we_ended_it {
        return lost("the broker did not answer in time; the connection was closed");
    }
    let other = translate(cause);
    let rank = |fault: &Fault| match fault.reply() {
        Some(_) => 2,
        None if fault.to_string() == CONNECTION_GONE => 0,
        None => 1,
    };
    if rank(&other) > rank(&fault) {
        other
    } else {
        fault
    }
}

/// The handshake ended without a connection.
pub(super) fn handshake_failed(
    endpoint: &Endpoint,
    options: &OpenOptions,
    observed: &Observed,
    error: Error,
) -> Fault {
    if let Some(violation) = observed.violation.get() {
        return refused_peer(endpoint, *violation);
    }
    if let (Some((code, text)), true) = (observed.close.get(), observed.is_open()) {
        // It came right behind the broker's yes, and is no answer to our log-in.
        return translate(&Error::ServerClosedConnection {
            code: *code,
            message: text.clone(),
        });
    }
    if let Some((code, text)) = observed.close.get() {
        return refusal::explain_handshake(endpoint, reply(*code, text));
    }
    match error {
        Error::ServerClosedConnection { code, message } => {
            refusal::explain_handshake(endpoint, reply(code, &message))
        }
        Error::UnsupportedAuthMechanism { available, .. } => no_such_log_in(endpoint, &available),
        // The socket was closed after our log-in was sent. A broker that says no says why; one
        // that is stopping does not.
        Error::InvalidCredentials | Error::UnexpectedSocketClose => cannot_connect(
            endpoint,
            "the connection was closed during the handshake; the broker may be starting or stopping",
        ),
        Error::MissedServerHeartbeats => timed_out(endpoint, options.timeout),
        other => cannot_connect(endpoint, &words(&other)),
    }
}

fn no_such_log_in(endpoint: &Endpoint, available: &str) -> Fault {
    let why = match endpoint.log_in {
        LogIn::Password => "does not take passwords (PLAIN)",
        // RabbitMQ offers it only to those that have shown a certificate that it trusts.
        LogIn::Certificate => {
            "does not offer log-in by certificate (EXTERNAL): that takes amqps:// with --cert, and \
             on the broker the plugin rabbitmq_auth_mechanism_ssl, EXTERNAL among its \
             `auth_mechanisms`, and `ssl_options.verify = verify_peer`"
        }
    };
    let text = format!(
        "the broker at {} {why}; it offers {}",
        endpoint.address(),
        escape(available.as_bytes())
    );
    Fault::new(Kind::Refused, text)
}

/// amiquip's words, which may quote the peer's.
fn words(error: &Error) -> String {
    escape(error.to_string().as_bytes())
}

fn refused_peer(endpoint: &Endpoint, violation: Violation) -> Fault {
    let (kind, hint) = match violation {
        Violation::Tls => (
            Kind::NotAmqp,
            ": write amqps:// in the URL, or use the port without TLS, 5672 by default",
        ),
        Violation::NotAmqp | Violation::OtherVersion => (
            Kind::NotAmqp,
            "; is the port right? AMQP uses 5672, AMQP over TLS 5671, the web page 15672",
        ),
        Violation::BadFrame | Violation::BodyTooLarge | Violation::TooManyAnswers => {
            (Kind::Unreachable, "")
        }
    };
    Fault::new(
        kind,
        format!("cannot connect to {endpoint}: {violation}{hint}"),
    )
}

pub(super) fn unknown_host(endpoint: &Endpoint, error: &io::Error) -> Fault {
    let host = escape(endpoint.host.as_bytes());
    cannot_connect(endpoint, &format!("cannot look up `{host}`: {error}"))
}

pub(super) fn no_address_answers(
    endpoint: &Endpoint,
    failures: &[(SocketAddr, io::Error)],
) -> Fault {
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if !failures.is_empty() && failures.iter().all(|(_, error)| refused(error)) {
        let why = "connection refused; is the broker running at this address?";
        return cannot_connect(endpoint, why);
    }
    let each: Vec<_> = failures
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect();
    match each.as_slice() {
        [] => cannot_connect(endpoint, "its name has no address"),
        each => cannot_connect(endpoint, &each.join("; ")),
    }
}

pub(super) fn timed_out(endpoint: &Endpoint, limit: Duration) -> Fault {
    let limit = humantime::format_duration(limit);
    let why = format!("no answer within {limit} (--connect-timeout)");
    cannot_connect(endpoint, &why)
}

/// They may lie on a file system that does not answer.
pub(super) fn tls_files_hang(endpoint: &Endpoint, limit: Duration) -> Fault {
    let limit = humantime::format_duration(limit);
    let why = format!("the certificates could not be read within {limit} (--connect-timeout)");
    cannot_connect(endpoint, &why)
}

/// The user has asked to stop.
pub(super) fn cancelled() -> Fault {
    Fault::new(Kind::Interrupted, "interrupted while connecting")
}

/// The system starts no more threads.
pub(super) fn no_thread(error: &io::Error) -> Fault {
    let text = format!("cannot start a thread to connect with: {error}");
    Fault::new(Kind::Unreachable, text)
}

pub(super) fn cannot_connect(endpoint: &Endpoint, why: &str) -> Fault {
    Fault::new(
        Kind::Unreachable,
        format!("cannot connect to {endpoint}: {why}"),
    )
}

fn reply(code: u16, text: &str) -> Reply {
    let text = text.to_owned();
    Reply { code, text }
}

fn lost(message: &str) -> Fault {
    Fault::new(Kind::Lost, message)
}
