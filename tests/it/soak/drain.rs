//! The end of a run: the queues are emptied, and the dead letters read.

use super::diary::Diary;
use super::lane::{Lane, id_of};
use super::site::Site;
use crate::env::{command, spawn};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// How long the workers may take for what is left. What is left can be some hundred tasks, and a
/// link that was stalled can take a minute until both sides have noticed.
const DRAIN_MAX: Duration = Duration::from_secs(180);

/// Waits until nothing is left in the work queues and in those where tasks wait for a retry.
pub(super) fn wait_until_empty(site: &Site, lanes: &[Lane], diary: &Diary) {
    let deadline = Instant::now() + DRAIN_MAX;
    // A task can pass from one queue to another while they are counted, so it is done twice.
    let mut empty = 0;
    loop {
        let left = left(site, lanes);
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if empty == 2 {
            return;
        }
        if Instant::now() > deadline {
            diary.wrong(&format!("not drained within {DRAIN_MAX:?}: {left:?}"));
            return;
        }
        thread::sleep(Duration::from_millis(300));
    }
}

/// The queues that are not empty, those of the dead letters aside.
fn left(site: &Site, lanes: &[Lane]) -> BTreeMap<String, String> {
    let listed = site.broker.ctl(&["-q", "list_queues", "name", "messages"]);
    let rows = listed.lines().filter_map(|line| line.split_once('\t'));
    let ours = rows.filter(|(name, _)| {
        let of = |lane: &Lane| *name == lane.queue || is_delay_of(name, &lane.queue);
        lanes.iter().any(of)
    });
    let filled = ours.filter(|(_, messages)| messages.trim() != "0");
    filled
        .map(|(name, messages)| (name.to_owned(), messages.to_owned()))
        .collect()
}

fn is_delay_of(name: &str, queue: &str) -> bool {
    name.strip_prefix(queue)
        .is_some_and(|rest| rest.starts_with(".delay."))
}

/// The dead letters of a lane: ids with their reasons.
pub(super) fn dead_letters(site: &Site, lane: &Lane) -> Vec<(String, Option<String>)> {
    let mut command = command("worker");
    command.args(["--url", &site.broker.url, "--queue", &lane.queue]);
    command.args(["--list-dead", "--log-format", "json"]);
    let listed = spawn(command).ended().expect(0);
    let letters = listed.events("dead_letter").into_iter();
    let letters = letters.map(|letter| {
        let text = |field: &str| letter[field].as_str().map(str::to_owned);
        let body = text("body").unwrap_or_else(|| panic!("a dead letter without body: {letter}"));
        (id_of(&body).to_owned(), text("task_error"))
    });
    letters.collect()
}
