//! Commands that are ended: by a time-out, or by signals to their worker.

use super::run;
use crate::env::{self, Admin, Broker, Gate};
use rustix::process::Signal;

#[test]
fn a_time_out_ends_the_whole_process_group() {
    let broker = env::shared();
    let admin = Admin::new(broker, "timeout");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    // The shell and its grandchild ignore TERM, so that only KILL ends them.
    let script = "trap '' TERM; sleep 4242 & echo $! > \"$0\"; wait; sleep 4242";
    let file = std::env::temp_dir().join(env::unique("pid"));
    let options = [
        "--timeout",
        "200ms",
        "--kill-after",
        "200ms",
        "--on-failure",
        "drop",
    ];
    let words = ["sh", "-c", script, file.to_str().unwrap()];
    let ended = run(broker, &admin.queue, &options, &words).expect(0);
    let failed = &ended.events("failed")[0];
    assert!(
        failed["error"].as_str().unwrap().contains("--timeout"),
        "{failed}"
    );
    let took = failed["duration_ms"].as_u64().unwrap();
    assert!(took >= 400, "{took} ms");
    let grandchild = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    wait_for_end(grandchild.trim());
}

/// Waits until there is no process of this id, but for one that nobody has waited for.
fn wait_for_end(pid: &str) {
    env::wait_for("the process to end", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn the_first_signal_lets_commands_finish() {
    let broker = env::shared();
    let admin = Admin::new(broker, "finish");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let mut worker = env::worker(broker, &admin.queue, &["--", "sleep", "0.5"]);
    worker.event("received");
    worker.signal(Signal::INT);
    let ended = worker.ended().expect(0);
    assert_eq!(ended.bodies("done"), ["x"]);
    assert_eq!(admin.ready(), 0);
}

#[test]
fn the_second_signal_ends_commands_and_gives_their_tasks_back() {
    let broker = env::shared();
    let admin = Admin::new(broker, "end");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let file = std::env::temp_dir().join(env::unique("pid"));
    let words = [
        "--",
        "sh",
        "-c",
        "sleep 4343 & echo $! > \"$0\"; wait",
        file.to_str().unwrap(),
    ];
    let mut worker = env::worker(broker, &admin.queue, &words);
    worker.event("received");
    let grandchild = env::wait_for("the grandchild", || {
        std::fs::read_to_string(&file)
            .ok()
            .filter(|pid| pid.ends_with('\n'))
    });
    worker.signal(Signal::TERM);
    worker.message("Ctrl+C again");
    worker.signal(Signal::TERM);
    let ended = worker.ended().expect(130);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ended.bodies("returned"), ["x"]);
    assert!(ended.events("failed").is_empty(), "{ended}");
    wait_for_end(grandchild.trim());
    admin.wait_for_ready(1);
}

#[test]
fn a_stop_does_not_wait_for_ever_for_a_broker_that_takes_nothing() {
    let broker = Broker::private("", "");
    let queue = env::unique("blocked");
    let gate = Gate::new();
    let mut worker = env::worker_with(&broker, &queue, &[], &gate.before("false"));
    env::new_task(&broker, &queue, &["x"]).expect(0);
    worker.event("received");
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.00001"]);
    gate.open();
    worker.event("failed");
    worker.signal(Signal::TERM);
    worker.ended().expect(0).says("their tasks go back");
    broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
    let admin = Admin::new(&broker, "x");
    env::wait_for("the task to be back", || {
        (admin.ready_in(&queue) >= 1).then_some(())
    });
}

#[test]
fn the_third_signal_kills_what_ignores_the_second() {
    let broker = env::shared();
    let admin = Admin::new(broker, "stubborn");
    env::new_task(broker, &admin.queue, &["x"]).expect(0);
    let file = std::env::temp_dir().join(env::unique("pid"));
    let script = "trap '' TERM; echo $$ > \"$0\"; sleep 60 & wait; wait";
    let words = [
        "--kill-after",
        "1h",
        "--",
        "sh",
        "-c",
        script,
        file.to_str().unwrap(),
    ];
    let mut worker = env::worker(broker, &admin.queue, &words);
    let child = env::wait_for("the command", || {
        std::fs::read_to_string(&file)
            .ok()
            .filter(|pid| pid.ends_with('\n'))
    });
    worker.signal(Signal::TERM);
    worker.message("Ctrl+C again");
    worker.signal(Signal::TERM);
    worker.message("Ctrl+C again kills");
    worker.signal(Signal::TERM);
    worker.ended().expect(130);
    std::fs::remove_file(&file).unwrap();
    wait_for_end(child.trim());
    admin.wait_for_ready(1);
}
