//! One question to the management API, bounded in time and bytes.

use super::Address;
use super::answer;
use super::tls::OverTls;
use crate::amqp::Tls;
use crate::base::endpoint::Password;
use crate::base::fault::{Fault, Kind};
use base64::Engine as _;
use serde_json::Value;
use std::io;
use std::time::Instant;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Agent, Error};

/// The answer about one queue is a kilobyte, or a few with a policy and arguments.
const LARGEST: u64 = 256 * 1024;

/// How the API is asked, and by whom.
#[derive(Clone)]
pub(super) struct Request {
    agent: Agent,
    address: Address,
    user: String,
    authorization: String,
}

impl Request {
    pub(super) fn new(address: &Address, user: String, password: &Password, tls: Tls) -> Self {
        let config = Agent::config_builder()
            // A proxy would get the password, and a redirect may lead anywhere.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .user_agent(concat!("work-queue/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .build();
        let connector = TcpConnector::default().chain(OverTls::new(address.clone(), tls));
        let credentials = format!("{user}:{}", password.reveal());
        let credentials = base64::engine::general_purpose::STANDARD.encode(credentials);
        Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            address: address.clone(),
            user,
            authorization: format!("Basic {credentials}"),
        }
    }

    /// The answer to a GET of `path`.
    pub(super) fn get(&self, path: &str, deadline: Instant) -> Result<Value, Fault> {
        let left = deadline.saturating_duration_since(Instant::now());
        let url = format!("{}{path}", self.address);
        let asked = self
            .agent
            .get(url)
            .header("authorization", &self.authorization);
        let asked = asked.config().timeout_global(Some(left)).build().call();
        let mut response = asked.map_err(|error| self.unanswered(error))?;
        let body = response
            .body_mut()
            .with_config()
            .limit(LARGEST)
            .read_to_vec();
        let body = body.map_err(|error| self.unanswered(error))?;
        answer::read(response.status().as_u16(), &body, &self.user).map_err(|why| self.failed(&why))
    }

    /// Nothing is told, and `why`.
    pub(super) fn failed(&self, why: &str) -> Fault {
        let text = format!("cannot ask the management API at {}: {why}", self.address);
        Fault::new(Kind::Unreachable, text)
    }

    fn unanswered(&self, error: Error) -> Fault {
        const PLUGIN: &str = "is the port right, and is the plugin enabled \
                              (rabbitmq-plugins enable rabbitmq_management)?";
        let why = match error {
            Error::Other(error) => match error.downcast::<Fault>() {
                Ok(fault) => return *fault,
                Err(error) => error.to_string(),
            },
            Error::Timeout(_) => "it does not answer in time".to_owned(),
            Error::HostNotFound => "its host name is unknown".to_owned(),
            Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..) => {
                "its answer is too large; is it a management API?".to_owned()
            }
            Error::Protocol(_) => format!("what answers there does not speak HTTP; {PLUGIN}"),
            Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                format!("nothing listens there; {PLUGIN}")
            }
            Error::Io(error) => format!("{error}; {PLUGIN}"),
            error => error.to_string(),
        };
        self.failed(&why)
    }
}
