//! Tasks on their way, long connections, and broken ones.

use super::{LOCAL, WANTED, send, url};
use crate::env::{self, Admin, Broker, Certificates, Proxy, Tls, command, spawn};
use std::process::Command;

#[test]
fn tasks_pass_whatever_the_version_and_the_name() {
    let tls = Tls::shared();
    let (ca, queue) = (tls.path("ca.pem"), env::unique("tls"));
    let [old, new, six] = tls.listen([
        (LOCAL, "server.pem", ", {versions, ['tlsv1.2']}"),
        (LOCAL, "server.pem", ", {versions, ['tlsv1.3']}"),
        ("::1", "server.pem", ""),
    ]);
    let urls = [
        tls.0.url.clone(),
        url("localhost", old),
        url(LOCAL, new),
        url("[::1]", six),
    ];
    for url in &urls {
        send(&["-u", url, "--cacert", &ca, "-q", &queue, url]).expect(0);
    }
    // The system's CA certificates are those that this variable names.
    let mut system = command("new_task");
    system.env("SSL_CERT_FILE", &ca);
    system.args(["-u", &tls.0.url, "-q", &queue, "last"]);
    spawn(system).ended().expect(0);

    for url in &urls {
        let broker = ["-u", url, "--cacert", &ca, "-q", &queue];
        let mut worker = command("worker");
        worker.args(broker).args(["--max-tasks", "1"]);
        let ended = spawn(worker).ended().expect(0);
        assert!(ended.stdout.contains(url.as_str()), "{ended}");
    }
    let admin = Admin::new(&tls.0.plain(), "x");
    assert_eq!(admin.ready_in(&queue), 1);
}

#[test]
fn large_tasks_arrive_whole() {
    let tls = Tls::shared();
    let (ca, queue) = (tls.path("ca.pem"), env::unique("large"));
    let directory = std::env::temp_dir().join(&queue);
    let [sent, done] = ["sent", "done"].map(|name| directory.join(name));
    std::fs::create_dir_all(&sent).unwrap();
    std::fs::create_dir_all(&done).unwrap();
    // The kernel takes the first ones whole. The last one is more than that, and has to wait for a
    // slow network time and again.
    let slow = Proxy::slow(&tls.0.url);
    // In no pattern, and of no size that fits the records of TLS.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for number in 0..20 {
        let body: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .take(if number < 19 {
            125_000 + number
        } else {
            1_500_001
        })
        .flatten()
        .collect();
        let id = number.to_string();
        let path = sent.join(&id);
        std::fs::write(&path, body).unwrap();
        let file = ["--id", &id, "--body-file", path.to_str().unwrap()];
        let url = if number < 19 { &tls.0.url } else { &slow.url };
        // No heartbeat sets free what got stuck.
        let broker = [
            "-u",
            url,
            "--cacert",
            &ca,
            "-q",
            &queue,
            "--heartbeat",
            "2m",
        ];
        send(&[&broker[..], &file].concat()).expect(0);
    }
    let mut worker = command("worker");
    worker
        .args(["-u", &tls.0.url, "--cacert", &ca, "-q", &queue])
        .args(["--quiet", "-j", "4", "-p", "20", "--exit-when-empty", "--"]);
    worker.args(["sh", "-c", "cat > \"$0/$TASK_ID\"", done.to_str().unwrap()]);
    spawn(worker).ended().expect(0);
    let compared = Command::new("diff")
        .arg("-r")
        .args([&sent, &done])
        .output()
        .unwrap();
    let compared = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert_eq!(compared, "");
    assert_eq!(std::fs::read_dir(&done).unwrap().count(), 20);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_idle_connection_is_kept_up_by_heartbeats() {
    let tls = Tls::shared();
    let (ca, queue) = (tls.path("ca.pem"), env::unique("idle"));
    let options = ["--cacert", &ca, "--heartbeat", "1s", "--dot", "4s"];
    let mut worker = env::worker(&tls.0, &queue, &options);
    let sent = env::new_task(&tls.0, &queue, &["--cacert", &ca, "four heartbeats."]);
    sent.expect(0);
    worker.event("done");
    let ended = worker.stopped().expect(0);
    assert_eq!(ended.events("disconnected").len(), 0, "{ended}");
    Admin::new(&tls.0.plain(), "x").expect_empty(&queue);
}

#[test]
fn a_broker_that_freezes_or_dies_is_used_again() {
    let broker = Broker::with_tls();
    let ca = broker.certificates().join("ca.pem");
    let ca = ca.to_str().unwrap();
    let queue = env::unique("again");
    let hasty = [
        "--cacert",
        ca,
        "--heartbeat",
        "1s",
        "--connect-timeout",
        "500ms",
    ];
    let mut worker = env::worker(&broker, &queue, &hasty);
    // The kernel still takes connections, and the handshake never ends.
    broker.script("freeze");
    env::new_task(
        &broker,
        &queue,
        &[&hasty[..], &["--retry-for", "1s", "x"]].concat(),
    )
    .expect(69)
    .says("no answer within 500ms");
    let reason = worker.event("disconnected")["reason"].to_string();
    assert!(
        reason.contains("sent nothing for two heartbeats"),
        "{reason}"
    );
    broker.script("thaw");
    worker.event("reconnected");
    env::new_task(&broker, &queue, &["--cacert", ca, "thawed"]).expect(0);
    worker.event_of("done", "thawed");

    broker.script("kill");
    worker.event("disconnected");
    broker.script("start");
    worker.event("reconnected");
    env::new_task(&broker, &queue, &["--cacert", ca, "restarted"]).expect(0);
    worker.event_of("done", "restarted");
    worker.stopped().expect(0);
    Admin::new(&broker.plain(), "x").expect_empty(&queue);
}

#[test]
fn a_worker_takes_renewed_certificates_up() {
    let tls = Tls::shared();
    let files = Certificates::new();
    let [wanted] = tls.listen([(LOCAL, "server.pem", WANTED)]);
    let own = files.path("own.pem");
    std::fs::copy(tls.path("client+key.pem"), &own).unwrap();
    let (url, ca) = (url(LOCAL, wanted), tls.path("ca.pem"));
    let queue = env::unique("renewed");
    let start = || {
        let mut worker = command("worker");
        worker.args(["-u", &url, "-q", &queue, "--log-format", "json"]);
        worker.args(["--cacert", &ca, "--cert", &own]);
        let mut worker = spawn(worker);
        worker.event("waiting");
        worker
    };
    let close = || {
        let listed = tls
            .0
            .ctl(&["-q", "list_connections", "pid", "peer_cert_subject", "port"]);
        let port = wanted.to_string();
        for line in listed.lines().filter(|line| line.ends_with(&port)) {
            let pid = line.split_whitespace().next().unwrap();
            tls.0.ctl(&["-q", "close_connection", pid, "maintenance"]);
        }
    };
    let mut worker = start();
    // In the middle of being replaced: what was read at first still holds.
    std::fs::write(&own, "").unwrap();
    close();
    worker.event("disconnected");
    worker.event("reconnected");
    // Replaced by one that the broker does not take: it is the one that is shown.
    std::fs::copy(files.path("client+key.pem"), &own).unwrap();
    close();
    worker
        .ended()
        .expect(77)
        .says("the broker refused the certificate in");
}
