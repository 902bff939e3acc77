//! Ctrl+C, SIGTERM and SIGHUP while `new_task` sends one task. Its handlers are installed once that takes long.

use crate::env::fake::{Step, fake_broker};
use crate::env::{self, Running, command};
use crossbeam_channel::{Receiver, bounded};
use rustix::process::Signal;
use std::time::Duration;

/// `new_task` with a broker that falls silent at `step`, once it has done `turn`. It has come to that when
/// something comes over the channel.
fn silent_at(
    step: Step,
    turn: impl FnOnce(&mut env::fake::Peer) -> std::io::Result<()> + Send + 'static,
) -> (Running, Receiver<()>) {
    let (sender, is_silent) = bounded(1);
    let url = fake_broker(step, move |peer| {
        turn(peer)?;
        let _ = sender.send(());
        peer.silence()
    });
    let mut new_task = command("new_task");
    new_task.args(["-u", &url, "--log-format", "json", "x"]);
    (env::spawn(new_task), is_silent)
}

#[test]
fn whenever_it_comes_the_exit_code_is_that_of_an_interruption() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        for step in [Step::Accepted, Step::Confirm] {
            let (sending, is_silent) = silent_at(step, |_| Ok(()));
            is_silent.recv_timeout(Duration::from_secs(60)).unwrap();
            sending.signal(signal);
            sending.ended().expect(130);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn who_has_waited_is_told_that_the_task_may_be_in_the_queue() {
    for step in [Step::Accepted, Step::Confirm] {
        let (sending, is_silent) = silent_at(step, |_| Ok(()));
        is_silent.recv_timeout(Duration::from_secs(60)).unwrap();
        env::wait_for("the handlers", || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", sending.id())).ok()?;
            let mut names = threads.flatten().map(|thread| {
                std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default()
            });
            names.any(|name| name.trim() == "ctrl-c").then_some(())
        });
        sending.signal(Signal::INT);
        let ended = sending.ended().expect(130);
        match step {
            Step::Confirm => ended.says("may or may not be in the queue"),
            _ => ended.says("interrupted"),
        };
    }
}

/// The broker has confirmed the task, and does not answer the goodbye.
#[test]
fn a_task_that_is_safe_was_not_interrupted() {
    let (mut sending, _) = silent_at(Step::Confirm, |peer| {
        peer.reply(1, [60, 80], &[0, 0, 0, 0, 0, 0, 0, 1, 0])
    });
    sending.event("sent");
    sending.signal(Signal::INT);
    sending.ended().expect(0);
}
