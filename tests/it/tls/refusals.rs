//! What is refused, by either side, and what is said then.

use super::{LOCAL, WANTED, send, url};
use crate::env::{self, Admin, Certificates, Tls, command, spawn};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A server that treats its connections so, one at a time.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(serve));
    url(LOCAL, port)
}

#[test]
fn a_broker_that_is_not_trusted_ends_it_at_once() {
    let tls = Tls::shared();
    let (ca, stranger) = (tls.path("ca.pem"), tls.path("stranger-ca.pem"));
    let [expired, early, elsewhere, of_stranger, is_ca] = tls.listen([
        (LOCAL, "expired.pem", ""),
        (LOCAL, "early.pem", ""),
        (LOCAL, "elsewhere.pem", ""),
        (LOCAL, "stranger.pem", ""),
        // The key does not belong to it, but that shows only later.
        (LOCAL, "ca.pem", ", {versions, ['tlsv1.3']}"),
    ]);
    let none_of = format!("signed by none of the CAs in {ca}");
    for (port, ca, told) in [
        (
            expired,
            &ca,
            "its certificate expired on 2025-01-01T00:00:00Z; the clock here says 2",
        ),
        (
            early,
            &ca,
            "its certificate is valid from 2045-01-01T00:00:00Z",
        ),
        (
            elsewhere,
            &ca,
            "is not for `localhost`, but for elsewhere.example",
        ),
        (of_stranger, &ca, none_of.as_str()),
        (is_ca, &ca, "its certificate is that of a CA"),
    ] {
        // Were it tried again, then this would take ten seconds and more.
        let url = url("localhost", port);
        let arguments = ["-u", &url, "--cacert", ca, "--retry-for", "10m"];
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command.args(arguments);
            let ended = spawn(command).ended().expect(78);
            ended.says("the broker is not trusted: ").says(told);
        }
    }
    let url = url("localhost", of_stranger);
    let queue = env::unique("trust");
    send(&["-u", &url, "--cacert", &stranger, "-q", &queue, "x"]).expect(0);
    send(&["-u", &url, "-q", &queue, "x"])
        .expect(78)
        .says("signed by no CA that this system trusts; name its CA with --cacert");
}

#[test]
fn a_broker_whose_tls_is_too_old() {
    let tls = Tls::shared();
    let ca = tls.path("ca.pem");
    let ports = tls.listen([
        (LOCAL, "server.pem", ", {versions, ['tlsv1.1']}"),
        (
            LOCAL,
            "server.pem",
            ", {versions, ['tlsv1.2']}, {ciphers, [\"ECDHE-ECDSA-AES128-SHA\"]}",
        ),
    ]);
    for port in ports {
        send(&[
            "-u",
            &url(LOCAL, port),
            "--cacert",
            &ca,
            "--retry-for",
            "10m",
            "x",
        ])
        .expect(78)
        .says("no version or cipher of TLS in common");
    }
}

#[test]
fn a_broker_that_wants_a_certificate() {
    let tls = Tls::shared();
    let ca = tls.path("ca.pem");
    let (client, key) = (tls.path("client.pem"), tls.path("client.key"));
    let (both, queue) = (tls.path("client+key.pem"), env::unique("wanted"));
    let [old, new] = tls.listen([
        (
            LOCAL,
            "server.pem",
            &format!("{WANTED}, {{versions, ['tlsv1.2']}}"),
        ),
        (
            LOCAL,
            "server.pem",
            &format!("{WANTED}, {{versions, ['tlsv1.3']}}"),
        ),
    ]);
    // With TLS 1.3 the refusal comes when our side has done with the handshake.
    for port in [old, new] {
        let url = url(LOCAL, port);
        let common = [
            "-u",
            &url,
            "--cacert",
            &ca,
            "-q",
            &queue,
            "--retry-for",
            "10m",
        ];
        let attempt = |own: &[&str]| send(&[&common[..], own, &["x"]].concat());
        attempt(&["--cert", &client, "--key", &key]).expect(0);
        attempt(&["--cert", &both]).expect(0);
        attempt(&[])
            .expect(77)
            .says("the broker requires a client certificate; pass one with --cert and --key");
        for (name, told) in [
            ("client-expired.pem", "client-expired.pem: it has expired"),
            (
                "client-stranger.pem",
                "it does not know the CA that signed it",
            ),
        ] {
            attempt(&["--cert", &tls.path(name), "--key", &key])
                .expect(77)
                .says("the broker refused the certificate in ")
                .says(told);
        }
    }
}

#[test]
fn log_in_by_certificate() {
    let tls = Tls::shared();
    let (ca, key) = (tls.path("ca.pem"), tls.path("client.key"));
    let (both, nobody) = (tls.path("client+key.pem"), tls.path("client-nobody.pem"));
    let queue = env::unique("external");
    let (_, address) = tls.0.url.rsplit_once('@').unwrap();
    let url = format!("amqps://{address}?auth_mechanism=external");
    let common = ["-u", &url, "--cacert", &ca, "-q", &queue];
    let attempt = |own: &[&str]| send(&[&common[..], own, &["x"]].concat());
    attempt(&["--cert", &both]).expect(0);
    let mut worker = command("worker");
    worker
        .args(common)
        .args(["--cert", &both, "--max-tasks", "1"]);
    spawn(worker).ended().expect(0);
    attempt(&["--cert", &nobody, "--key", &key])
        .expect(77)
        .says("refused the log-in by certificate");
    attempt(&[]).expect(77).says("--cert must name one");
    let plain = tls.0.plain();
    let (_, address) = plain.url.rsplit_once('@').unwrap();
    let url = format!("amqp://{address}?auth_mechanism=external");
    send(&["-u", &url, "x"])
        .expect(77)
        .says("does not offer log-in by certificate (EXTERNAL)")
        .says("PLAIN");
}

#[test]
fn files_that_cannot_be_used() {
    let files = Certificates::new();
    let [ca, client, key] = ["ca.pem", "client.pem", "client.key"].map(|name| files.path(name));
    let [other, encrypted, own] =
        ["server.key", "client-encrypted.key", "own"].map(|name| files.path(name));
    std::fs::write(&own, "").unwrap();
    let broken = files.path("broken");
    let text = std::fs::read_to_string(&ca).unwrap();
    std::fs::write(&broken, &text[..text.len() / 2]).unwrap();
    for (options, told) in [
        (
            &["--cacert", "/no/such"][..],
            "cannot use --cacert /no/such: No such file",
        ),
        (&["--cacert", "/"], "Is a directory"),
        (&["--cacert", &own], "own: it is empty"),
        (&["--cacert", &key], "it holds no certificate in PEM form"),
        (&["--cacert", &broken], "it is damaged"),
        (
            &["--cert", &client],
            "client.pem: it holds no private key in PEM form",
        ),
        (&["--cert", &client], "name the file that does with --key"),
        (&["--cert", &client, "--key", &ca], "cannot use --key"),
        (
            &["--cert", &client, "--key", &other],
            "does not belong to the certificate in",
        ),
        (
            &["--cert", &client, "--key", &encrypted],
            "its private key is encrypted",
        ),
        (&["--cert", &broken, "--key", &key], "cannot use --cert"),
    ] {
        // Nothing listens there, which is not even tried.
        let url = [
            "-u",
            "amqps://guest:secret@localhost:1",
            "--retry-for",
            "10m",
        ];
        for name in ["new_task", "worker"] {
            let mut command = command(name);
            command.args(url).args(options);
            if !options.contains(&"--cacert") {
                command.args(["--cacert", &ca]);
            }
            let ended = spawn(command).ended().expect(78).says(told);
            assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
            assert!(!ended.stderr.contains("secret"), "{ended}");
        }
    }
    let mut system = command("new_task");
    system
        .env("SSL_CERT_FILE", "/no/such")
        .args(["-u", "amqps://localhost:1"]);
    spawn(system)
        .ended()
        .expect(78)
        .says("no CA certificates are found on this system")
        .says("/no/such");
    send(&["-u", "amqps://a%20b", "--cacert", &ca])
        .expect(78)
        .says("TLS needs a host name or an IP address, and `a b` is neither");
    send(&["-u", "amqp://localhost:1", "--cacert", &ca])
        .expect(78)
        .says("--cacert is for TLS, but the broker's URL is amqp://");
    send(&["--key", &key]).expect(2);
}

#[test]
fn a_port_with_tls_and_one_without_mixed_up() {
    let tls = Tls::shared();
    let (ca, plain) = (tls.path("ca.pem"), tls.0.plain());
    let to_plain = plain.url.replace("amqp:", "amqps:");
    send(&["-u", &to_plain, "--cacert", &ca, "--retry-for", "10m", "x"])
        .expect(69)
        .says("the broker speaks no TLS on this port");
    let to_tls = tls.0.url.replace("amqps:", "amqp:");
    send(&["-u", &to_tls, "--retry-for", "10m", "x"])
        .expect(69)
        .says("the server at this address speaks TLS: write amqps:// in the URL");
    let admin = Admin::new(&plain, "mixed");
    for urls in [
        format!("amqps://localhost:1,{}", plain.url),
        format!("amqp://localhost:1,{}", tls.0.url),
    ] {
        send(&["-u", &urls, "--cacert", &ca, "-q", &admin.queue, "x"]).expect(0);
    }
    admin.wait_for_ready(2);
}

#[test]
fn a_peer_that_speaks_no_tls_or_never_gets_done() {
    let files = Certificates::new();
    let ca = files.path("ca.pem");
    let attempt = |url: &str, retry_for: &str| {
        let limits = ["--connect-timeout", "300ms", "--retry-for", retry_for];
        send(&[&["-u", url, "--cacert", &ca, "x"], &limits[..]].concat()).expect(69)
    };
    let web = server(|mut socket| {
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    attempt(&web, "10m").says("what answers there does not speak TLS");
    let rude = server(drop);
    attempt(&rude, "0s").says("closed during the TLS handshake");
    // One that says nothing, and one that sends a byte at a time.
    let silent = server(|mut socket| while socket.read(&mut [0; 64]).is_ok_and(|n| n > 0) {});
    let slow = server(|mut socket| {
        // A handshake record of 4 KiB, a new byte each 20 ms.
        let record = [0x16, 3, 3, 0x10, 0, 2, 0, 0x0f, 0xfc];
        for byte in record.into_iter().chain(std::iter::repeat(0)) {
            if socket.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    for url in [&silent, &slow] {
        attempt(url, "0s").says("no answer within 300ms (--connect-timeout)");
    }
}
