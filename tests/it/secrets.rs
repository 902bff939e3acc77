//! Passwords, which must not show anywhere: not in what the commands say on any failing path, not
//! in their arguments once they have started, and not to the commands that a worker runs.

use crate::env::fake::{Step, fake_broker};
use crate::env::{self, Admin, Broker, Ended, Kind, command, spawn};
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

/// Fails the test if `text` bears the password, in whatever form.
fn expect_no_secret(what: &str, text: &str, user: &str) {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let log_in = base64(&format!("\0{user}\0{}", password()));
    for form in [CORE, &base64(&password()), &base64(&encoded()), &log_in] {
        assert!(!text.contains(form), "{what} bears {form}:\n{text}");
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

#[test]
fn where_no_broker_can_be_reached() {
    let user = User::unknown();
    user.expect_failure("localhost:1", &[], 69);
    user.expect_failure("no.such.host.invalid", &[], 69);
    for step in [Step::Accepted, Step::Start, Step::Tune, Step::OpenOk] {
        for way in 0..user.commands("").len() {
            let url = fake_broker(step, |peer| peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
            let (_, at) = url.rsplit_once('@').unwrap();
            let mut command = user.commands(at).swap_remove(way);
            command.args(["-vv", "--retry-for", "0s"]);
            let ended = spawn(command).ended();
            assert_silent(&ended);
            ended.expect(69);
        }
    }
}

#[test]
fn where_the_broker_refuses() {
    let broker = env::shared();
    let user = User::new(broker);
    let at = address(broker);
    let other = Admin::with_queue(broker, "secret", Kind::Priorities(5));
    user.expect_failure(&at, &["-q", &other.queue], 73);
    user.expect_failure(&format!("{at}/no-such-vhost"), &[], 77);
    broker.ctl(&["set_permissions", &user.name, "", "", ""]);
    user.expect_failure(&at, &[], 77);
    broker.ctl(&["change_password", &user.name, "another"]);
    user.expect_failure(&at, &[], 77);
}

#[test]
fn where_the_set_up_is_wrong() {
    let user = User::unknown();
    let raw = password();
    for url in [
        format!("amqp://me:{raw}@host"),
        format!("amqp://me:{raw}"),
        format!("{raw}@host"),
        format!("http://me:{}@host", encoded()),
        format!("amqp://me:{}%ff@host", encoded()),
        format!("amqp://me:{}@host/a/b", encoded()),
        format!("amqp://me:{}@host:99999", encoded()),
        format!("amqp://me:{}@ho st", encoded()),
        format!("amqp://me:{}@host,nonsense", encoded()),
    ] {
        for name in ["new_task", "worker"] {
            let mut by_option = command(name);
            by_option.args(["-vv", "-u", &url]);
            let mut by_environment = command(name);
            by_environment.arg("-vv").env("AMQP_URL", &url);
            for command in [by_option, by_environment] {
                let ended = spawn(command).ended();
                assert_silent(&ended);
                ended.expect(78);
            }
        }
    }
    // Where no URL is expected.
    let url = format!("amqp://me:{}@host", encoded());
    for arguments in [
        &["--heartbeat", &url][..],
        &["--no-such-option", &url],
        &["--max-priority", &url],
        &[&format!("--connect-timeout={url}")],
        &["-u", &url, "--max-priority", "0"],
    ] {
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command.args(arguments);
            let ended = spawn(command).ended();
            assert_silent(&ended);
            ended.expect(2);
        }
    }
    let mut misplaced = command("worker");
    misplaced.arg(&url);
    let ended = spawn(misplaced).ended();
    assert_silent(&ended);
    ended.expect(2);
    // A password file that cannot be one.
    std::fs::write(&user.file, [raw.as_bytes(), b"\0"].concat()).unwrap();
    let file = user.file.to_str().unwrap();
    for arguments in [
        &["--password-file", file][..],
        &["-u", &url, "--password-file", "/no/such/file"],
    ] {
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command.arg("-vv").args(arguments);
            let ended = spawn(command).ended();
            assert_silent(&ended);
            ended.expect(78);
        }
    }
    for mut command in user.commands("localhost:1").drain(..4) {
        command.args(["-vv", "--body-file", "/no/such/file"]);
        let ended = spawn(command).ended();
        assert_silent(&ended);
        ended.expect(74);
    }
    for mut command in user.commands("localhost:1").drain(4..) {
        command.args(["-vv", "--", "/no/such/command"]);
        let ended = spawn(command).ended();
        assert_silent(&ended);
        ended.expect(78);
    }
}

#[test]
fn help_and_manual_pages() {
    let url = format!("amqp://me:{}@host", encoded());
    for arguments in [
        &["--help"][..],
        &["--generate", "man"],
        &["--generate", "complete-bash"],
    ] {
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command
                .env("AMQP_URL", &url)
                .args(["-u", &url])
                .args(arguments);
            let ended = spawn(command).ended();
            assert_silent(&ended);
            ended.expect(0);
        }
    }
}

/// What other users of the machine can see of a running process.
#[cfg(target_os = "linux")]
fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

#[test]
#[cfg(target_os = "linux")]
fn arguments_of_a_running_command() {
    let user = User::unknown();
    for index in 0..user.commands("").len() {
        // Held in the handshake, as by a broker that hangs.
        let (sender, connected) = std::sync::mpsc::channel();
        let url = fake_broker(Step::Start, move |peer| {
            let _ = sender.send(());
            peer.silence()
        });
        let (_, at) = url.rsplit_once('@').unwrap();
        let running = spawn(user.commands(at).swap_remove(index));
        connected.recv_timeout(env::DEADLINE).unwrap();
        let shown = command_line(running.id());
        expect_no_secret("the command line", &shown, &user.name);
        // It still is what it was, under the same name.
        let name = std::fs::read_to_string(format!("/proc/{}/comm", running.id())).unwrap();
        assert!(shown.contains(name.trim()), "{shown}: {name}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_workers_commands_can_see() {
    let broker = env::shared();
    let user = User::new(broker);
    let admin = Admin::new(broker, "secret");
    admin.declare();
    let look = "tr '\\0' '\\n' </proc/self/environ; env; tr '\\0' ' ' </proc/$PPID/cmdline";
    for mut worker in user.commands(&address(broker)).drain(4..) {
        admin.publish(&["x"]);
        worker.args(["-q", &admin.queue, "--max-tasks", "1", "-vv"]);
        worker.args(["--", "sh", "-c", look]);
        let ended = spawn(worker).ended().expect(0);
        assert!(ended.stdout.contains("TASK_ID="), "{ended}");
        assert!(ended.stdout.contains("--max-tasks"), "{ended}");
        assert_silent(&ended);
        assert!(!ended.stdout.contains("AMQP_URL"), "{ended}");
        assert!(!ended.stdout.contains("WORK_QUEUE"), "{ended}");
    }
}

#[test]
fn the_password_is_used_as_it_was_given() {
    let broker = env::shared();
    let user = User::new(broker);
    let admin = Admin::new(broker, "secret");
    let url = format!("amqp://me:{}@host", encoded());
    for mut new_task in user.commands(&address(broker)).drain(..4) {
        // A body that looks like a URL is a body, all the same.
        new_task.args(["-q", &admin.queue, "--log-format", "json", &url]);
        let sent = spawn(new_task).ended().expect(0);
        assert_eq!(sent.bodies("sent"), [url.as_str()]);
        assert_eq!(admin.get().unwrap().0, url.as_bytes());
    }
}
