//! A real broker's API.

use super::{NOT_SHOWN, status};
use crate::env::{self, Admin, Broker, Ended, command, spawn, wait_until};
use std::process::Command;
use std::thread;
use std::time::Duration;

#[test]
fn tasks_that_a_worker_holds_are_unacknowledged() {
    let broker = Broker::with_management();
    let ca = broker.certificates().join("ca.pem").display().to_string();
    let [http, https] = broker.management_urls();
    a_held_task_is_counted(&broker, &http, &https, &ca);
    queues_of_any_name_are_found(&broker, &http);
    untrusted_apis_get_no_password(&broker, &https);
    users_who_may_not_ask_are_told_why(&broker, &http);
}

fn a_held_task_is_counted(broker: &Broker, http: &str, https: &str, ca: &str) {
    for kind in ["classic", "quorum"] {
        let admin = Admin::new(broker, "held");
        let queue = &admin.queue;
        let mut worker = env::worker(
            broker,
            queue,
            &["--queue-type", kind, "--dot", "60s", "--prefetch", "2"],
        );
        admin.publish(&["1.", "2.", "3."]);
        worker.event("received");
        let line =
            format!("queue {queue}: ready 1, unacknowledged 2, consumers 1, delayed 0, dead 0\n");
        // A quorum queue learns of deliveries a moment later.
        wait_until(&line, || {
            let found = spawn(status(broker, queue, &["--management", http])).ended();
            if found.stdout == line {
                return Ok(());
            }
            // Each look is a connection, which keeps the API busy.
            thread::sleep(Duration::from_millis(500));
            Err(found)
        });
        let slash = format!("{http}/");
        let mut by_variable = status(broker, queue, &[]);
        by_variable.env("AMQP_MANAGEMENT_URL", http);
        for asked in [
            status(broker, queue, &["--management", https, "--cacert", ca]),
            status(broker, queue, &["--management", &slash]),
            by_variable,
        ] {
            assert_eq!(silent(asked).stdout, line);
        }
        let json = ["--management", http, "--log-format", "json"];
        let event = &silent(status(broker, queue, &json)).events("status")[0];
        assert_eq!(
            (&event["ready"], &event["unacknowledged"]),
            (&1.into(), &2.into())
        );
        let event = &silent(status(broker, queue, &json[2..])).events("status")[0];
        assert!(event["unacknowledged"].is_null(), "{event}");
        worker.kill();
    }
}

fn queues_of_any_name_are_found(broker: &Broker, http: &str) {
    let vhost = "v/é %";
    broker.ctl(&["-q", "add_vhost", vhost]);
    broker.ctl(&[
        "-q",
        "set_permissions",
        "-p",
        vhost,
        "guest",
        ".*",
        ".*",
        ".*",
    ]);
    let mut inside = broker.plain();
    inside.url = broker.url_with("guest:guest", "/v%2F%C3%A9%20%25");
    for queue in ["..", "a.b", "(x[$^|?&=#%41+ é", "axb"] {
        let mut sent = command("new_task");
        sent.args(["--url", &inside.url, "-q", queue, "x"]);
        spawn(sent).ended().expect(0);
        let ended = silent(status(&inside, queue, &["--management", http]));
        assert!(
            ended.stdout.contains("ready 1, unacknowledged 0, "),
            "{ended}"
        );
    }
}

fn untrusted_apis_get_no_password(broker: &Broker, https: &str) {
    let admin = Admin::new(broker, "untrusted");
    admin.declare();
    let asked = status(broker, &admin.queue, &["--management", https]);
    spawn(asked)
        .ended()
        .expect(0)
        .says("cannot connect to https://localhost:")
        .says("is signed by no CA that this system trusts; name its CA with --cacert");
}

fn users_who_may_not_ask_are_told_why(broker: &Broker, http: &str) {
    let admin = Admin::new(broker, "refused");
    admin.declare();
    let refused = |credentials: &str| {
        let url = http.replace("//", &format!("//{credentials}@"));
        let ended = spawn(status(broker, &admin.queue, &["--management", &url])).ended();
        assert!(!ended.stderr.contains("hunter2"), "{ended}");
        assert!(ended.stdout.contains(": ready 0, consumers 0, "), "{ended}");
        ended.expect(0).says(NOT_SHOWN)
    };
    broker.add_users([("plain", "hunter2", [".*"; 3])]);
    refused("plain:hunter2").says("the tag `management` is needed (rabbitmqctl set_user_tags");
    refused("plain:hunter2x")
        .says("refuses user `plain`")
        .says("check the password");
    broker.ctl(&["-q", "set_user_tags", "plain", "management"]);
    let url = http.replace("//", "//plain:hunter2@");
    silent(status(broker, &admin.queue, &["--management", &url]));
    broker.ctl(&["-q", "clear_permissions", "plain"]);
    refused("plain:hunter2").says("vhost");
}

/// Runs it to a good end, without a word on stderr.
fn silent(command: Command) -> Ended {
    let ended = spawn(command).ended().expect(0);
    assert_eq!(ended.stderr, "", "{ended}");
    ended
}
