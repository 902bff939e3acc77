//! A run, from the broker's start to the verdict.

use super::acts::{Play, YOUTH};
use super::diary::Diary;
use super::drain;
use super::lane::{Lane, Manner, Work};
use super::ledger::{Account, table};
use super::producer::{Mode, Producer};
use super::results;
use super::site::Site;
use super::staff::Post;
use super::trouble::{self, Counts};
use crate::env::broker::Nodes;
use crate::env::{Random, root};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How the run is made.
pub(super) struct Options {
    pub(super) seed: u64,
    pub(super) nodes: Nodes,
    pub(super) course: Course,
    /// Workers acknowledge before the work, so that tasks must get lost.
    pub(super) sabotage: bool,
}

impl Options {
    /// After what time without any change the rest is given up. A link that was stalled can take a
    /// minute until both sides have noticed, and the machine may be busy with other things. Where
    /// tasks are lost on purpose they need not be waited for.
    fn stuck_after(&self) -> Duration {
        Duration::from_secs(if self.sabotage { 15 } else { 120 })
    }
}

/// What befalls brokers and workers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Course {
    /// Troubles at random, for this many minutes.
    Minutes(f64),
    /// The three acts of a cluster.
    Acts,
}

/// Runs, prints the ledger, and fails the test if a task is lost or anything else was wrong.
pub(super) fn run(options: &Options) {
    let Options { seed, course, .. } = *options;
    let what = match options.nodes {
        Nodes::One => "one broker",
        Nodes::Three => "three nodes",
    };
    let folder = root().join(format!("target/soak/{seed}-{}", std::process::id()));
    let diary = Diary::begin(&folder);
    diary.note(&format!(
        "seed {seed}, {course:?}, {what}; logs: {}",
        folder.display()
    ));
    let site = Site::start(options.nodes);
    let manner = match course {
        Course::Minutes(_) => Manner::Wild,
        Course::Acts => Manner::Steady,
    };
    let lane = |queue_type, work| Lane::new(&folder, queue_type, work, manner);
    let lanes = match (options.nodes, course) {
        (Nodes::One, _) => vec![
            lane("classic", Work::Command),
            lane("quorum", Work::Command),
            lane("classic", Work::Dots),
        ],
        // A classic queue is gone for as long as its node is.
        (Nodes::Three, Course::Minutes(_)) => {
            vec![lane("quorum", Work::Command), lane("quorum", Work::Dots)]
        }
        (Nodes::Three, Course::Acts) => vec![lane("quorum", Work::Command)],
    };
    let (workers, broker) = work(options, &site, &lanes, &diary);

    site.broker.keep_logs(&folder);
    for lane in &lanes {
        results::collect_all(&site, lane, &diary);
    }
    let accounts: BTreeMap<&str, Account> = lanes
        .iter()
        .map(|lane| {
            let dead = drain::dead_letters(&site, lane);
            (lane.queue.as_str(), Account::of(lane, &dead))
        })
        .collect();
    let all: Vec<Account> = accounts.values().cloned().collect();
    let sum = Account::sum(&all);
    println!("\n{}", table(&accounts, &sum));
    let mut object = json!({ "seed": seed, "nodes": site.nodes() });
    if let Course::Minutes(minutes) = course {
        object["minutes"] = json!(minutes);
    }
    object.as_object_mut().unwrap().extend(sum.json());
    object["faults"] = json!(broker);
    object["workers"] = json!(workers);
    println!("{object}");
    for fault in sum.faults() {
        diary.wrong(&fault);
    }
    let wrongs = diary.wrongs();
    assert!(
        wrongs.is_empty(),
        "seed {seed}, logs in {}:\n{wrongs}",
        folder.display()
    );
    // The logs help to find the reason of a failure.
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Producers, workers and trouble for the time of the run; then the drain. What happened, and how
/// often, to the workers and to the broker.
fn work(options: &Options, site: &Site, lanes: &[Lane], diary: &Diary) -> (Counts, Counts) {
    let random = |part: u64| Random::new(options.seed, part);
    let posts = posts(options, site, lanes, diary);
    let (ended, drained) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for (post, part) in posts.iter().zip(100..) {
            let drained = &drained;
            scope.spawn(move || post.keep(random(part), drained));
        }
        let mut producers = Vec::new();
        for (lane, number) in lanes.iter().zip(0..) {
            for (mode, part) in [(Mode::Single, 200 + number), (Mode::Bulk, 300 + number)] {
                let producer = Producer {
                    name: format!("{}-{mode:?}", lane.queue).to_lowercase(),
                    mode,
                    lane,
                    site,
                    diary,
                    random: random(part),
                };
                let ended = &ended;
                producers.push(scope.spawn(move || producer.run(ended)));
            }
        }
        let trouble = match options.course {
            Course::Acts => {
                let play = Play::new(site, &lanes[0], &posts, diary);
                scope.spawn(move || (Counts::new(), play.play())).join()
            }
            Course::Minutes(minutes) => {
                thread::sleep(YOUTH);
                let broker =
                    scope.spawn(|| trouble::for_broker(site, lanes, diary, random(1), &ended));
                let workers =
                    scope.spawn(|| trouble::for_workers(&posts, diary, random(2), &ended));
                thread::sleep(Duration::from_secs_f64(minutes * 60.0));
                ended.store(true, Ordering::SeqCst);
                let workers = workers.join();
                broker.join().and_then(|broker| Ok((workers?, broker)))
            }
        };
        ended.store(true, Ordering::SeqCst);
        diary.note("no more trouble");
        for producer in producers {
            if producer.join().is_err() {
                diary.wrong("a producer has given up");
            }
        }
        diary.note("no more tasks");
        match &trouble {
            Ok(_) => drain::wait_until_empty(site, lanes, diary, options.stuck_after()),
            Err(_) => diary.wrong("the trouble could not be mended"),
        }
        diary.note("drained");
        drained.store(true, Ordering::SeqCst);
        trouble.unwrap_or_default()
    })
}

/// The places for workers.
fn posts<'a>(
    options: &Options,
    site: &'a Site,
    lanes: &'a [Lane],
    diary: &'a Diary,
) -> Vec<Post<'a>> {
    let mut posts = Vec::new();
    for lane in lanes {
        let places = match (lane.work, options.nodes) {
            (Work::Command, Nodes::One) => 2,
            (Work::Command, Nodes::Three) => 4,
            (Work::Dots, _) => 1,
        };
        for place in 1..=places {
            let name = format!("{}-worker-{place}", lane.queue);
            posts.push(Post::new(name, lane, site, diary, options.sabotage));
        }
    }
    posts
}
