//! What the commands say.

use super::{User, address, assert_silent, encoded, password};
use crate::env::fake::{Step, fake_broker};
use crate::env::{self, Admin, Kind, command, spawn};

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
