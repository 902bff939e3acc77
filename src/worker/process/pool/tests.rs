use super::super::job::{Capture, ResultWanted, StdoutTo};
use super::*;
use crate::worker::core::Start;
use crate::worker::core::policy::Ending;
use crate::worker::process::Told;
use std::ffi::OsString;
use std::iter;
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

    /// The slot that waits, and whether its command could be run.
    fn hear(&self) -> (usize, bool) {
        match self.messages.recv_timeout(DEADLINE) {
            Ok(Incoming::Ran { slot, ran }) => {
                let ran = ran.map(|ran| assert_eq!(ran.outcome.ending, Ending::Exit(0)));
                (slot, ran.is_ok())
            }
            _ => panic!("nothing was told"),
        }
    }

    fn is_woken(&self) {
        let woken = self.messages.recv_timeout(DEADLINE);
        assert!(matches!(woken, Ok(Incoming::TookNext)), "not woken");
    }

    fn offer<'a>(&self, bodies: impl IntoIterator<Item = &'a str>, enough: usize) {
        let jobs = bodies.into_iter().map(|body| job(body, 0, None));
        self.pool.offer(jobs.collect(), enough);
    }

    /// The slots that have taken what was offered.
    fn taken(&self) -> Vec<usize> {
        let ended = self.pool.take_back();
        assert!(ended.is_sorted_by_key(|ended| ended.at.instant));
        ended.iter().map(|ended| ended.slot).collect()
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
    slots.offer(["0"], 1);
    slots.is_woken();
    assert_eq!(slots.taken(), [1]);
    assert_eq!(slots.hear(), (1, true));
    slots.pool.signal(Signal::KILL);
}

#[test]
fn what_is_taken_back_is_not_run() {
    let slots = Slots::new(1, &["sleep", "{}"]);
    slots.pool.begin(job("0.2", 0, None));
    slots.offer(["30"], 1);
    assert!(slots.taken().is_empty());
    assert_eq!(slots.hear(), (0, true));
}

#[test]
fn its_owner_is_woken_once_for_the_ends_of_several_short_commands() {
    let slots = Slots::new(1, &["true"]);
    slots.offer(iter::repeat_n("x", 1000), 1000);
    slots.pool.begin(job("x", 0, None));
    slots.is_woken();
    thread::sleep(Duration::from_millis(50));
    assert!(slots.messages.is_empty(), "woken again");
    assert!(slots.taken().len() > 1);
    assert_eq!(slots.hear(), (0, true));
}

#[test]
fn its_owner_is_woken_when_the_next_command_takes_longer() {
    let slots = Slots::new(1, &["sleep", "{}"]);
    slots.pool.begin(job("0.1", 0, None));
    slots.offer(["30", "30"], 1000);
    slots.is_woken();
    assert_eq!(slots.taken(), [0]);
    slots.pool.signal(Signal::KILL);
}

#[test]
fn its_owner_is_woken_when_nothing_is_left_to_take_and_when_there_are_enough_ends() {
    for (offered, enough) in [(3, 1000), (1000, 3)] {
        let slots = Slots::new(1, &["true"]);
        slots.offer(iter::repeat_n("x", offered), enough);
        slots.pool.begin(job("x", 0, None));
        slots.is_woken();
        slots.taken();
        assert_eq!(slots.hear(), (0, true));
    }
}

#[test]
fn a_slot_whose_command_cannot_be_run_takes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("script");
    std::fs::copy("/bin/true", &script).unwrap();
    let slots = Slots::new(1, &[script.to_str().unwrap()]);
    std::fs::remove_file(&script).unwrap();
    slots.offer(["y"], 1);
    slots.pool.begin(job("x", 0, None));
    assert_eq!(slots.hear(), (0, false));
    assert!(slots.taken().is_empty());
}

#[test]
fn output_waits_until_it_has_been_told_that_the_task_begins() {
    let slots = Slots::new(1, &["sh", "-c", "echo {}; sleep 0.2"]);
    let (telling, told) = Told::later();
    slots.pool.begin(job("x", 0, Some(told)));
    let early = slots.messages.recv_timeout(Duration::from_millis(500));
    assert!(early.is_err(), "it has been passed on");
    drop(telling);
    assert_eq!(slots.hear(), (0, true));
}

#[test]
fn what_a_command_wrote_last_waits_for_its_owner() {
    let slots = Slots::new(1, &["echo", "{}"]);
    // Never told, so the slot must not wait for that.
    let (_telling, told) = Told::later();
    slots.pool.begin(job("x", 0, Some(told)));
    match slots.messages.recv_timeout(DEADLINE) {
        Ok(Incoming::Ran { ran: Ok(ran), .. }) => assert!(!ran.output.is_empty()),
        _ => panic!("nothing was told"),
    }
}
