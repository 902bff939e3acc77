use super::super::job::{Capture, ResultWanted, StdoutTo};
use super::*;
use crate::worker::core::Start;
use crate::worker::core::policy::Ending;
use crate::worker::process::Told;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any of this takes.
const DEADLINE: Duration = Duration::from_secs(60);

struct Slots {
    pool: Pool,
    messages: Receiver<Incoming>,
}

impl Slots {
    fn new(count: usize, command: &[&str]) -> Self {
        let words: Vec<OsString> = command.iter().map(OsString::from).collect();
        let command = TaskCommand::find(&words, "q").unwrap().unwrap();
        let (sender, messages) = unbounded();
        let limits = TimeLimits {
            timeout: None,
            kill_after: DEADLINE,
        };
        let pool = Pool::start(count, &command, limits, &sender).unwrap();
        Self { pool, messages }
    }

    /// The slot, whether the command could be run, and what comes then.
    fn hear(&self) -> (usize, bool, Then) {
        match self.messages.recv_timeout(DEADLINE) {
            Ok(Incoming::Ran { slot, ran, then }) => {
                let ran = ran.map(|ran| assert_eq!(ran.outcome.ending, Ending::Exit(0)));
                (slot, ran.is_ok(), then)
            }
            _ => panic!("nothing was told"),
        }
    }
}

fn job(body: &str, slot: usize, told: Option<Told>) -> Job {
    let task = crate::worker::core::testing::task(body);
    Job {
        start: Start {
            slot,
            task: Arc::new(task),
            redelivered: false,
        },
        capture: Capture::Stream,
        result: ResultWanted::No,
        stdout_to: StdoutTo::Stdout,
        told,
    }
}

#[test]
fn the_slot_that_is_done_takes_what_is_offered() {
    let slots = Slots::new(2, &["sleep", "{}"]);
    slots.pool.begin(job("30", 0, None));
    slots.pool.begin(job("0.2", 1, None));
    slots.pool.offer(job("0", 0, None));
    assert_eq!(slots.hear(), (1, true, Then::TakesNext));
    assert!(!slots.pool.take_back(), "it was taken");
    assert_eq!(slots.hear(), (1, true, Then::Waits));
    slots.pool.signal(Signal::KILL);
}

#[test]
fn what_is_taken_back_is_not_run() {
    let slots = Slots::new(1, &["sleep", "{}"]);
    slots.pool.begin(job("0.2", 0, None));
    slots.pool.offer(job("30", 0, None));
    assert!(slots.pool.take_back());
    assert_eq!(slots.hear(), (0, true, Then::Waits));
}

#[test]
fn a_slot_whose_command_cannot_be_run_takes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::copy("/bin/true", &script).unwrap();
    let slots = Slots::new(1, &[script.to_str().unwrap()]);
    std::fs::remove_file(&script).unwrap();
    slots.pool.offer(job("y", 0, None));
    slots.pool.begin(job("x", 0, None));
    assert_eq!(slots.hear(), (0, false, Then::Waits));
    assert!(slots.pool.take_back());
}

#[test]
fn output_waits_until_it_has_been_told_that_the_task_begins() {
    let slots = Slots::new(1, &["echo", "{}"]);
    let (telling, told) = Told::later();
    slots.pool.begin(job("x", 0, Some(told)));
    let early = slots.messages.recv_timeout(Duration::from_millis(300));
    assert!(early.is_err(), "it has been passed on");
    drop(telling);
    assert_eq!(slots.hear(), (0, true, Then::Waits));
}
