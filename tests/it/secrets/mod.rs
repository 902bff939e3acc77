//! Passwords, which must not show anywhere: not in what the commands say on any failing path, not
//! in their arguments once they have started, and not to the commands that a worker runs.

mod messages;
mod processes;

use crate::env::{self, Broker, Ended, command, spawn};
use base64::Engine as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use std::process::Command;

/// Whatever form it is shown in, this part of it stays recognizable.
const CORE: &str = "hunter2";

/// All that is special in URLs, shells, JSON and Rust.
fn password() -> String {
    format!("p%4ss:w/ö@rd?#[]& \"'\\`$<>{CORE}")
}

fn encoded() -> String {
    utf8_percent_encode(&password(), NON_ALPHANUMERIC).to_string()
}

/// A user of the broker's with this password, and how the password reaches the commands.
struct User {
    name: String,
    file: PathBuf,
    /// Where the user is known.
    broker: Option<&'static Broker>,
}

impl User {
    /// One that the broker knows, and who may do anything.
    fn new(broker: &'static Broker) -> Self {
        let mut user = Self::unknown();
        broker.add_users([(user.name.as_str(), password().as_str(), [".*"; 3])]);
        user.broker = Some(broker);
        user
    }

    /// One that no broker knows.
    fn unknown() -> Self {
        let name = env::unique("user");
        let file = std::env::temp_dir().join(&name);
        std::fs::write(&file, password() + "\n").unwrap();
        let broker = None;
        Self { name, file, broker }
    }

    /// The two commands, at `address`, with the password given in each of the ways there are.
    fn commands(&self, address: &str) -> Vec<Command> {
        let with = format!("amqp://{}:{}@{address}", self.name, encoded());
        let without = format!("amqp://{}@{address}", self.name);
        let file = self.file.to_str().unwrap();
        let mut commands = Vec::new();
        for name in ["new_task", "worker"] {
            for way in ["--url", "-u", "AMQP_URL", "--password-file"] {
                let mut command = command(name);
                match way {
                    "--url" => command.arg(format!("--url={with}")),
                    "-u" => command.args(["-u", &with]),
                    "AMQP_URL" => command.env("AMQP_URL", &with),
                    _ => command.args(["-u", &without, "--password-file", file]),
                };
                commands.push(command);
            }
        }
        commands
    }

    /// In both formats, with everything that can be told.
    fn expect_failure(&self, address: &str, arguments: &[&str], code: i32) {
        for format in ["text", "json"] {
            let mut running = Vec::new();
            for mut command in self.commands(address) {
                command.args(["-vv", "--log-format", format, "--connect-timeout", "2s"]);
                command.args(["--retry-for", "0s"]).args(arguments);
                running.push(spawn(command));
            }
            for command in running {
                let ended = command.ended();
                assert_silent(&ended);
                ended.expect(code);
            }
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        if let Some(broker) = self.broker {
            broker.delete_users([self.name.as_str()]);
        }
    }
}

/// Fails the test if `text` holds the password, in whatever form.
fn expect_no_secret(what: &str, text: &str, user: &str) {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let log_in = base64(&format!("\0{user}\0{}", password()));
    for form in [CORE, &base64(&password()), &base64(&encoded()), &log_in] {
        assert!(!text.contains(form), "{what} holds {form}:\n{text}");
    }
}

fn assert_silent(ended: &Ended) {
    for text in [&ended.stdout, &ended.stderr] {
        // The command line as the test gave it is not part of what the command said.
        expect_no_secret(&format!("{}", ended.status), text, "");
    }
}

fn address(broker: &Broker) -> String {
    let (_, address) = broker.url.rsplit_once('@').unwrap();
    address.trim_end_matches('/').to_owned()
}
