//! RabbitMQ's management HTTP API, asked for the one number that AMQP does not tell: how many tasks
//! of a queue are unacknowledged.
//!
//! `address` is where it is, `request` one question over HTTP, `tls` what carries `https://`.

mod address;
mod answer;
mod request;
mod tls;

use crate::amqp::OpenOptions;
use crate::base::cancellation::WhenCancelled;
use crate::base::endpoint::{Endpoint, LogIn, Password};
use crate::base::escape::escape;
use crate::base::fault::{Fault, Kind};
use crate::queues::QueueName;
pub use address::Address;
use crossbeam_channel::{bounded, select};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use request::Request;
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

/// How long all questions for one number may take together.
const LIMIT: Duration = Duration::from_secs(5);

/// Without the statistics, which are seconds old: the numbers of this moment.
const TOTALS: &str = "disable_stats=true&enable_queue_totals=true";

/// The management API of a broker.
pub struct Management {
    request: Request,
    vhost: String,
    when_cancelled: WhenCancelled,
}

impl Management {
    /// The API at `address`, of the broker at `endpoint`, whose credentials are used unless the
    /// address has its own. `options` are those for the broker.
    ///
    /// # Errors
    /// [`Kind::SetUp`] if there are no credentials.
    pub fn new(
        address: &Address,
        endpoint: &Endpoint,
        options: &OpenOptions,
    ) -> Result<Self, Fault> {
        let user = match (&address.user, endpoint.log_in) {
            (Some(user), _) => user.clone(),
            (None, LogIn::Password) => endpoint.user.clone(),
            (None, LogIn::Certificate) => {
                let text = "the management API needs a user and a password, and the broker's URL \
                            logs in by certificate; write them into the URL of --management";
                return Err(Fault::new(Kind::SetUp, text));
            }
        };
        let password: &Password = address.password.as_ref().unwrap_or(&endpoint.password);
        Ok(Self {
            request: Request::new(address, user, password, options.tls.clone()),
            vhost: endpoint.vhost.clone(),
            when_cancelled: options.when_cancelled.clone(),
        })
    }

    /// How many tasks of `queue` workers hold.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] when the user wants to stop, otherwise why the API tells nothing.
    pub fn unacknowledged(&self, queue: &QueueName) -> Result<u64, Fault> {
        let (sender, answers) = bounded(1);
        let (request, vhost, queue) = (self.request.clone(), self.vhost.clone(), queue.clone());
        // A thread that can be left: Ctrl+C does not wait for an API that is slow.
        let spawned = thread::Builder::new().spawn(move || {
            let _ = sender.send(ask(&request, &vhost, &queue));
        });
        if let Err(error) = spawned {
            let why = format!("no thread can be started: {error}");
            return Err(self.request.failed(&why));
        }
        select! {
            recv(answers) -> answer => match answer {
                Ok(answer) => answer,
                Err(_) => Err(self.request.failed("the question ended unexpectedly")),
            },
            recv(self.when_cancelled) -> _ => Err(Fault::new(
                Kind::Interrupted,
                "interrupted while asking the management API",
            )),
        }
    }
}

fn ask(request: &Request, vhost: &str, queue: &QueueName) -> Result<u64, Fault> {
    let deadline = Instant::now() + LIMIT;
    let name = queue.as_str();
    let of_vhost = format!("/api/queues/{}", encoded(vhost));
    // As a part of a path these lead elsewhere, also percent-encoded.
    if !matches!(name, "." | "..") {
        let of_queue = format!("{of_vhost}/{}?{TOTALS}", encoded(name));
        let found = request.get(&of_queue, deadline)?;
        if let Some(count) = count(&found) {
            return Ok(count);
        }
    }
    // Before RabbitMQ 3.13.1 only a list of queues has the totals.
    let pattern = encoded(&format!("^{}$", quoted(name)));
    let list = format!("{of_vhost}?{TOTALS}&page=1&page_size=1&use_regex=true&name={pattern}");
    let found = request.get(&list, deadline)?;
    let same = |item: &&Value| item["name"] == name;
    let item = found["items"]
        .as_array()
        .and_then(|items| items.iter().find(same));
    item.and_then(count).ok_or_else(|| {
        let vhost = escape(vhost.as_bytes());
        request.failed(&format!(
            "it tells no number for queue `{queue}` in vhost `{vhost}`; is the queue's node down?"
        ))
    })
}

fn count(queue: &Value) -> Option<u64> {
    queue["messages_unacknowledged"].as_u64()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// `name` as a regular expression for itself alone.
fn quoted(name: &str) -> String {
    let mut quoted = String::new();
    for c in name.chars() {
        if c.is_ascii_punctuation() || c.is_ascii_whitespace() {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(quoted("a.b-c(1)$ é"), r"a\.b\-c\(1\)\$\ é");
        assert_eq!(encoded("/"), "%2F");
        assert_eq!(encoded(".."), "%2E%2E");
    }
}
