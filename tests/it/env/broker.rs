//! Real brokers: one that the tests share, and private ones for tests that break theirs.

use super::{root, unique};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A RabbitMQ node, or three that form a cluster.
pub struct Broker {
    /// Its AMQP URL; of a cluster those of its nodes, with commas between them.
    pub url: String,
    /// The name of a private one, which is stopped when the test ends.
    pub(super) name: Option<String>,
}

/// The broker that tests share: the one of `AMQP_URL`, or the one that `scripts/broker` runs.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| {
        let output = script(None, &["url"]);
        let url = last_line(&output);
        assert!(
            output.status.success() && url.starts_with("amqp"),
            "these tests need a RabbitMQ broker, and there is none.\n\
             Run scripts/test, which brings one up and runs the tests; or run scripts/broker start \
             and then cargo test; or set AMQP_URL.\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Broker { url, name: None }
    })
}

impl Broker {
    /// A broker for one test alone, with additions to its `rabbitmq.conf` and `advanced.config`.
    pub fn private(conf: &str, advanced: &str) -> Self {
        Self::named(private_name(), Nodes::One, conf, advanced)
    }

    /// A broker of this name, with additions to its `rabbitmq.conf` and `advanced.config`.
    pub fn named(name: String, nodes: Nodes, conf: &str, advanced: &str) -> Self {
        let directory = std::env::temp_dir();
        let mut arguments = Vec::new();
        if let Nodes::Three = nodes {
            arguments.extend(["--cluster".to_owned(), "3".to_owned()]);
        }
        for (option, content) in [("--conf", conf), ("--advanced", advanced)] {
            if !content.is_empty() {
                let path = directory.join(format!("{name}{option}"));
                std::fs::write(&path, content).unwrap();
                arguments.extend([option.to_owned(), path.display().to_string()]);
            }
        }
        Self::start(name, &arguments)
    }

    /// A private broker that speaks TLS, too; `url` is its `amqps://` one.
    pub fn with_tls() -> Self {
        Self::start(private_name(), &["--tls".to_owned()])
    }

    /// A private broker with the management API, over TLS, too; `url` is its `amqp://` one.
    pub fn with_management() -> Self {
        let options = ["--management", "--tls"].map(str::to_owned);
        let mut broker = Self::start(private_name(), &options);
        broker.url = last_line(&broker.run(&["url"]));
        broker
    }

    /// The URLs of its management API: `http://` and `https://`.
    pub fn management_urls(&self) -> [String; 2] {
        [
            &["url", "--management"][..],
            &["url", "--management", "--tls"],
        ]
        .map(|arguments| last_line(&self.run(arguments)))
    }

    fn start(name: String, options: &[String]) -> Self {
        let mut arguments = vec!["start"];
        arguments.extend(options.iter().map(String::as_str));
        let output = script(Some(&name), &arguments);
        assert!(
            output.status.success(),
            "no private broker: {}",
            describe(&output)
        );
        Self {
            url: last_line(&output),
            name: Some(name),
        }
    }

    /// The same broker without TLS. It is not stopped with this.
    pub fn plain(&self) -> Self {
        Self {
            url: last_line(&self.run(&["url"])),
            name: None,
        }
    }

    /// The directory with its certificates.
    pub fn certificates(&self) -> PathBuf {
        let name = self.name.as_deref().unwrap();
        root().join("target/brokers").join(name).join("tls")
    }

    /// Runs `scripts/broker VERB` for this broker.
    pub fn script(&self, verb: &str) {
        let output = self.run(&[verb]);
        assert!(output.status.success(), "{verb}: {}", describe(&output));
    }

    /// Makes a vhost in which queues are quorum queues unless their declaration says otherwise, and
    /// returns its URL.
    pub fn quorum_vhost(&self, name: &str) -> String {
        self.ctl(&["-q", "add_vhost", name, "--default-queue-type", "quorum"]);
        self.ctl(&[
            "-q",
            "set_permissions",
            "-p",
            name,
            "guest",
            ".*",
            ".*",
            ".*",
        ]);
        self.url_with("guest:guest", &format!("/{name}"))
    }

    /// The URL of its only, or first, node.
    pub fn first_url(&self) -> &str {
        self.url.split(',').next().unwrap()
    }

    /// Runs `rabbitmqctl` on this broker and returns what it printed.
    pub fn ctl(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["ctl"], arguments].concat());
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {}",
            describe(&output)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes users, all at once: each call of `rabbitmqctl` takes a third of a second and more.
    /// `permissions` are what a user may configure, write and read, as regular expressions.
    pub fn add_users<'a>(&self, users: impl IntoIterator<Item = (&'a str, &'a str, [&'a str; 3])>) {
        let binary = |text: &str| {
            format!(
                "<<{}>>",
                text.bytes()
                    .map(|byte| byte.to_string())
                    .collect::<Vec<_>>()
                    .join(",")
            )
        };
        let script = users.into_iter().map(|(name, password, permissions)| {
            format!(
                "rabbit_auth_backend_internal:add_user({name}, {}, <<\"tests\">>), \
                 rabbit_auth_backend_internal:set_permissions({name}, <<\"/\">>, {}, <<\"tests\">>)",
                binary(password),
                permissions.map(binary).join(", "),
                name = binary(name),
            )
        });
        self.eval(script);
    }

    /// Removes users.
    pub fn delete_users<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let script = names.into_iter().map(|name| {
            format!("rabbit_auth_backend_internal:delete_user(<<\"{name}\">>, <<\"tests\">>)")
        });
        self.eval(script);
    }

    fn eval(&self, expressions: impl Iterator<Item = String>) {
        let script: Vec<String> = expressions.collect();
        self.ctl(&["eval", &format!("{}.", script.join(", "))]);
    }

    /// The URL with another user, password or vhost.
    pub fn url_with(&self, credentials: &str, path: &str) -> String {
        let (_, address) = self.url.rsplit_once('@').unwrap();
        let address = address.split('/').next().unwrap();
        format!("amqp://{credentials}@{address}{path}")
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        script(self.name.as_deref(), arguments)
    }
}

/// How many nodes a broker has.
#[allow(dead_code, reason = "tests/soak alone has several nodes")]
#[derive(Clone, Copy)]
pub enum Nodes {
    One,
    Three,
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.name.is_some() {
            self.run(&["stop"]);
        }
    }
}

/// A name of a private broker's own; `scripts/test` stops what is left over of such names.
pub fn private_name() -> String {
    unique("node").replace("it-", "test-")
}

/// Runs `scripts/broker` for the shared broker, or for the private one of this name.
pub(super) fn script(private: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(root().join("scripts/broker"));
    command.args(arguments);
    if let Some(name) = private {
        command.env_remove("AMQP_URL").env("BROKER_NAME", name);
    }
    command.output().unwrap()
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().unwrap_or_default().to_owned()
}

pub(super) fn describe(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
