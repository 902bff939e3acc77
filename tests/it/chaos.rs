//! Workers killed at random, the broker restarted, and not one task lost.

#![allow(
    clippy::print_stdout,
    reason = "the seed and the ledger; shown when it fails"
)]

use crate::env::{self, Admin, Broker, Random, Running};
use std::collections::BTreeMap;

const TASKS: usize = 200;
const WORKERS: usize = 4;

/// Something breaks each time that about this many more tasks have been carried out.
const PACE: usize = 15;

/// The steps at which it is the broker; at the others a worker is killed.
const RESTARTS: [usize; 2] = [4, 8];
const STEPS: usize = 10;

fn start(broker: &Broker, queue: &str, ledger: &str) -> Running {
    // Every tenth task always fails. What is done is written down in one write.
    let script = "sleep 0.0$(($$ % 9 + 1)); read body; echo \"$body\" >> \"$0\"; \
                  case $body in *0) echo \"no: $body\" >&2; exit 1 ;; esac";
    let options = [
        "-j",
        "2",
        "--retries",
        "1",
        "--backoff",
        "200ms",
        "--",
        "sh",
        "-c",
        script,
        ledger,
    ];
    env::worker(broker, queue, &options)
}

#[test]
fn killed_workers_and_broker_restarts_lose_nothing() {
    // The seed is printed, and `CHAOS_SEED` sets it.
    let seed = std::env::var("CHAOS_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) + 1);
    println!("CHAOS_SEED={seed}");
    let mut random = Random::new(seed, 0);
    let broker = Broker::private("", "");
    let queue = env::unique("chaos");
    let ledger = std::env::temp_dir().join(env::unique("ledger"));
    let path = ledger.to_str().unwrap();
    std::fs::write(&ledger, "").unwrap();

    let admin = Admin::new(&broker, "x");
    admin.declare_named(&queue);
    let bodies: Vec<String> = (0..TASKS).map(|number| format!("task-{number}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    admin.publish_to(&queue, &bodies);
    drop(admin);

    let mut workers: Vec<Running> = (0..WORKERS).map(|_| start(&broker, &queue, path)).collect();
    let written = || std::fs::read_to_string(&ledger).unwrap().lines().count();
    for step in 1..=STEPS {
        let mark = PACE * step + random.below(PACE);
        let lines = env::wait_for(&format!("seed {seed}: {mark} lines"), || {
            Some(written()).filter(|lines| *lines >= mark)
        });
        if RESTARTS.contains(&step) {
            println!("broker killed after {lines} lines");
            broker.script("kill");
            broker.script("start");
        } else {
            let victim = random.below(WORKERS);
            println!("worker {victim} killed after {lines} lines");
            workers[victim].kill();
            workers[victim] = start(&broker, &queue, path);
        }
    }
    drop(workers);
    // One last worker does what is left, once what the others put off has come back.
    let admin = Admin::new(&broker, "x");
    env::wait_for("the last retries", || {
        (admin.ready_in(&format!("{queue}.delay.200")) == 0).then_some(())
    });
    let options = [
        "--retries",
        "1",
        "--backoff",
        "200ms",
        "--exit-when-empty",
        "-j",
        "4",
        "--",
    ];
    let script = "read body; echo \"$body\" >> \"$0\"; case $body in *0) exit 1 ;; esac";
    let words = [&options[..], &["sh", "-c", script, path]].concat();
    env::worker(&broker, &queue, &words).ended().expect(0);

    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for line in std::fs::read_to_string(&ledger).unwrap().lines() {
        *done.entry(line.to_owned()).or_default() += 1;
    }
    std::fs::remove_file(&ledger).unwrap();
    assert_eq!(admin.ready_in(&queue), 0, "seed {seed}");
    let dead = admin.dead_letters(&format!("{queue}.dead"));
    assert!(
        dead.iter().all(|(_, error)| error.is_some()),
        "seed {seed}: {dead:?}"
    );
    let buried = |body: &str| dead.iter().any(|(other, _)| other == body);
    let lost: Vec<&&str> = bodies
        .iter()
        .filter(|body| {
            let must_fail = body.ends_with('0');
            !(if must_fail {
                buried(body)
            } else {
                done.contains_key(**body) || buried(body)
            })
        })
        .collect();
    let runs: usize = done.values().sum();
    println!(
        "seed {seed}: {TASKS} tasks, {runs} runs, {} dead letters, \
         {} carried out more than once (retries aside), {} lost",
        dead.len(),
        done.iter()
            .filter(|(body, count)| !body.ends_with('0') && **count > 1)
            .count(),
        lost.len()
    );
    assert!(lost.is_empty(), "seed {seed}: {lost:?}");
}
