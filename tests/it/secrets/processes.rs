//! What other processes can see.

use super::{User, address, assert_silent, encoded, expect_no_secret};
use crate::env::fake::{Step, fake_broker};
use crate::env::{self, Admin, spawn};

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
