//! The end of a run: the queues are emptied, and the dead letters read.

use super::diary::Diary;
use super::lane::{Lane, id_of};
use super::ledger::Account;
use super::site::Site;
use crate::env::{Admin, command, spawn};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// How often it is asked what is left.
const POLL: Duration = Duration::from_millis(500);

/// Waits until each confirmed task is safe and nothing is left in the queues; or until nothing has
/// moved for `stuck`.
pub(super) fn wait_until_empty(site: &Site, lanes: &[Lane], diary: &Diary, stuck: Duration) {
    let mut changed = Instant::now();
    let mut told = BTreeMap::new();
    // A task can pass from one queue to another while they are counted, so it is done twice.
    let mut empty = 0;
    while empty < 2 {
        let left = left(site, lanes);
        empty = if left.is_empty() { empty + 1 } else { 0 };
        if left != told {
            diary.note(&format!("left: {left:?}"));
            changed = Instant::now();
            told.clone_from(&left);
        }
        if changed.elapsed() > stuck {
            diary.wrong(&format!("nothing moves for {stuck:?}: {left:?}"));
            return;
        }
        thread::sleep(POLL);
    }
}

/// How many tasks are ready, by queue, and how many have no outcome yet, by lane.
///
/// `rabbitmqctl list_queues` is asked for names alone: its counts of quorum queues are up to five
/// seconds old.
pub(super) fn left(site: &Site, lanes: &[Lane]) -> BTreeMap<String, usize> {
    let listed = site.broker.ctl(&["-q", "list_queues", "name"]);
    let admin = Admin::new(&site.broker, "drain");
    let of_lane = |name: &str, lane: &Lane| {
        let rest = name.strip_prefix(&lane.queue);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(".delay."))
    };
    let ours = listed
        .lines()
        .filter(|name| lanes.iter().any(|lane| of_lane(name, lane)));
    let ready = ours.map(|name| (name.to_owned(), admin.ready_in(name) as usize));
    let open = lanes.iter().map(|lane| {
        let open = Account::of(lane, &dead_letters(site, lane)).lost.len();
        (format!("{} without outcome", lane.queue), open)
    });
    ready.chain(open).filter(|(_, count)| *count > 0).collect()
}

/// The dead letters of a lane: ids with their reasons, attempts and stderr in one text.
pub(super) fn dead_letters(site: &Site, lane: &Lane) -> Vec<(String, Option<String>)> {
    let mut command = command("worker");
    command.args(["--url", &site.broker.url, "--queue", &lane.queue]);
    command.args(["--list-dead", "--log-format", "json"]);
    let listed = spawn(command).ended().expect(0);
    let letters = listed.events("dead_letter").into_iter();
    let letters = letters.map(|letter| {
        let text = |field: &str| letter[field].as_str().map(str::to_owned);
        let body = text("body").unwrap_or_else(|| panic!("a dead letter without body: {letter}"));
        let story = text("task_error").map(|error| {
            let [attempts, stderr] = ["task_attempts", "task_stderr"].map(text);
            let [attempts, stderr] = [attempts, stderr].map(Option::unwrap_or_default);
            format!("{error} in attempt {attempts}; {stderr}")
        });
        (id_of(&body).to_owned(), story)
    });
    letters.collect()
}
