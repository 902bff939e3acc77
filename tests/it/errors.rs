//! What a user reads when something is wrong, and the exit code.

use crate::env::{self, Admin, Kind, command, spawn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Both commands with the same arguments, each to its end.
fn both(arguments: &[&str]) -> [env::Ended; 2] {
    ["new_task", "worker"].map(|name| {
        let mut command = command(name);
        command.args(arguments);
        spawn(command).ended()
    })
}

/// A server on a port of its own that treats each connection so.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqp://guest:secret@{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    url
}

#[test]
fn no_broker() {
    for ended in both(&["-u", "amqp://localhost:1", "--retry-for", "0s"]) {
        ended
            .expect(69)
            .says("error: cannot connect to amqp://guest@localhost:1: connection refused")
            .says("is the broker running");
    }
}

#[test]
fn unknown_host() {
    for ended in both(&["-u", "amqp://no.such.host.invalid", "--retry-for", "0s"]) {
        ended
            .expect(69)
            .says("cannot look up `no.such.host.invalid`");
    }
}

#[test]
fn wrong_password() {
    let url = env::shared().url_with("guest:hunter%23two", "");
    for ended in both(&["-u", &url]) {
        let ended = ended.expect(77).says("refused the log-in of user `guest`");
        assert!(!ended.stderr.contains("hunter"), "{ended}");
    }
}

#[test]
fn unknown_vhost() {
    let url = env::shared().url_with("guest:guest", "/no%2Fsuch");
    for ended in both(&["-u", &url]) {
        ended
            .expect(77)
            .says("has no vhost `no/such`")
            .says("add_vhost");
    }
}

#[test]
fn no_permission() {
    let broker = env::shared();
    let user = env::unique("user");
    broker.ctl(&["-q", "add_user", &user, "pa$$#word"]);
    let url = broker.url_with(&format!("{user}:pa$$%23word"), "");
    for ended in both(&["-u", &url, "-q", "theirs"]) {
        ended
            .expect(77)
            .says(&format!("refused user `{user}` the vhost `/`"));
    }
    broker.ctl(&["-q", "set_permissions", &user, "^mine$", ".*", ".*"]);
    for ended in both(&["-u", &url, "-q", "theirs"]) {
        ended
            .expect(77)
            .says("access to queue 'theirs'")
            .says("--no-declare");
    }
    broker.ctl(&["-q", "delete_user", &user]);
}

#[test]
fn a_queue_of_the_other_type_is_adopted_unless_stated() {
    let broker = env::shared();
    let quorum = Admin::with_queue(broker, "quorum", Kind::Quorum);
    env::new_task(broker, &quorum.queue, &["x"])
        .expect(0)
        .says("is of type quorum; it is used as it is");
    env::new_task(broker, &quorum.queue, &["--queue-type", "quorum", "x"]).expect(0);
    env::new_task(broker, &quorum.queue, &["--queue-type", "classic", "x"])
        .expect(73)
        .says("is of type quorum")
        .says("omit --queue-type");
    let worker = env::worker(broker, &quorum.queue, &["--exit-when-empty"])
        .ended()
        .expect(0);
    assert_eq!(worker.events("done").len(), 2);

    let plain = Admin::with_queue(broker, "plain", Kind::Plain);
    env::new_task(broker, &plain.queue, &["--queue-type", "quorum", "x"])
        .expect(73)
        .says("is of type classic");
}

#[test]
fn other_arguments_are_refused_with_the_way_out() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "length", Kind::Full(3));
    env::new_task(broker, &admin.queue, &["x"])
        .expect(73)
        .says("--no-declare");
    env::new_task(broker, &admin.queue, &["--no-declare", "x"]).expect(0);

    let admin = Admin::new(broker, "priorities");
    env::new_task(broker, &admin.queue, &["--max-priority", "5", "x"]).expect(0);
    env::new_task(broker, &admin.queue, &["x"])
        .expect(73)
        .says("--max-priority 5");
}

#[test]
fn a_full_queue_says_no() {
    let broker = env::shared();
    let admin = Admin::with_queue(broker, "full", Kind::Full(2));
    for _ in 0..2 {
        env::new_task(broker, &admin.queue, &["--no-declare", "x"]).expect(0);
    }
    let refused = env::new_task(
        broker,
        &admin.queue,
        &["--no-declare", "--confirm-timeout", "1s", "x"],
    )
    .expect(75);
    assert_eq!(refused.says("nack").stdout, "");
    assert_eq!(admin.ready(), 2);
}

#[test]
fn a_task_that_no_queue_takes() {
    let ended = env::new_task(env::shared(), "no-such-queue", &["--no-declare", "x"]);
    let ended = ended.expect(75).says("there is no queue `no-such-queue`");
    assert_eq!(ended.stdout, "");
}

/// Without `--fatal-exit` no failed task goes there.
#[test]
fn a_missing_queue_for_dead_letters_is_told_at_the_start() {
    let broker = env::shared();
    let admin = Admin::new(broker, "no-dead");
    admin.declare();
    let drops = [
        "--no-declare",
        "--on-failure",
        "drop",
        "--max-redeliveries",
        "0",
    ];
    let ends = |more: &[&str]| {
        let options = [&drops[..], more, &["--exit-when-empty", "--", "true"]].concat();
        env::worker(broker, &admin.queue, &options)
            .ended()
            .expect(0)
    };
    let warning = format!("there is no queue `{}.dead`", admin.queue);
    let silent = ends(&[]).stderr;
    assert!(!silent.contains(&warning), "{silent}");
    ends(&["--fatal-exit", "3"]).says(&warning);
}

#[test]
fn a_body_larger_than_the_broker_takes() {
    let broker = env::shared();
    let admin = Admin::new(broker, "large");
    let path = std::env::temp_dir().join(env::unique("body"));
    // Above the 128 MiB that RabbitMQ 3 takes by default, and the 16 MiB of RabbitMQ 4.
    std::fs::File::create(&path)
        .unwrap()
        .set_len(129 << 20)
        .unwrap();
    let ended = env::new_task(
        broker,
        &admin.queue,
        &["--body-file", path.to_str().unwrap()],
    );
    std::fs::remove_file(&path).unwrap();
    ended
        .expect(75)
        .says("larger than the broker takes")
        .says("max_message_size");
}

#[test]
fn a_port_that_speaks_something_else() {
    let web = server(|mut socket| {
        let _ = socket.read(&mut [0; 64]);
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    for ended in both(&["-u", &web]) {
        ended
            .expect(69)
            .says("does not speak AMQP 0-9-1")
            .says("is the port right?");
    }
}

#[test]
fn a_port_that_says_nothing_or_hangs_up() {
    let silent = server(|socket| {
        thread::spawn(move || {
            thread::park();
            drop(socket);
        });
    });
    for ended in both(&[
        "-u",
        &silent,
        "--connect-timeout",
        "200ms",
        "--retry-for",
        "0s",
    ]) {
        ended.expect(69).says("no answer within 200ms");
    }
    let rude = server(drop);
    for ended in both(&["-u", &rude, "--retry-for", "0s"]) {
        ended.expect(69).says("cannot connect");
    }
}

#[test]
fn unusable_urls_and_files() {
    for url in [
        "localhost",
        "http://localhost",
        "amqp://a:b#c@h",
        "amqp://h/a/b",
        "amqp://h:99999",
    ] {
        for ended in both(&["-u", url]) {
            ended.expect(78).says("the broker's URL cannot be used");
        }
    }
    for ended in both(&["--password-file", "/no/such/file"]) {
        ended
            .expect(78)
            .says("cannot read the password file /no/such/file");
    }
    let mut same = command("worker");
    same.args(["-q", "q", "--dead-letter-queue", "q", "--", "false"]);
    let ended = spawn(same).ended();
    ended.expect(78).says("names the work queue itself");
    let mut command = command("new_task");
    command.args(["--body-file", "/no/such/file"]);
    spawn(command).ended().expect(74).says("/no/such/file");
}

#[test]
fn wrong_usage() {
    for arguments in [
        &["--no-such-option"][..],
        &["-q", ""],
        &["-q", "amq.gen-1"],
        &["--heartbeat", "0s"],
        &["--connect-timeout", "18446744073709551615s"],
        &["--retry-for", "soon"],
        &["--max-priority", "0"],
        &["--no-declare", "--queue-type", "quorum"],
    ] {
        for ended in both(arguments) {
            ended.expect(2);
        }
    }
}

#[test]
fn a_password_file_is_used() {
    let broker = env::shared();
    let admin = Admin::new(broker, "password");
    let file = std::env::temp_dir().join(env::unique("password"));
    std::fs::write(&file, "guest\n").unwrap();
    let url = broker.url_with("guest", "");
    let mut sent = command("new_task");
    sent.args([
        "-u",
        &url,
        "-q",
        &admin.queue,
        "--password-file",
        file.to_str().unwrap(),
        "x",
    ]);
    spawn(sent).ended().expect(0);
    std::fs::remove_file(&file).unwrap();
}
