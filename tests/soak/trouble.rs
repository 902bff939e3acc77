//! What goes wrong during the run, at random.

use super::diary::Diary;
use super::lane::Lane;
use super::orders::Told;
use super::site::Site;
use super::staff::Post;
use crate::env::Random;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What can befall a worker.
const WORKERS: [&str; 4] = ["kill", "freeze", "stop", "give back"];

/// What can befall the broker and the links to it.
const BROKER: [&str; 9] = [
    "kill the broker",
    "freeze the broker",
    "stop and start its application",
    "close all connections",
    "memory alarm",
    "disk alarm",
    "cut links",
    "delay links",
    "stall links",
];

/// What can befall a cluster besides.
const CLUSTER: [&str; 3] = ["kill a leader", "freeze a leader", "kill two nodes"];

/// How often each thing happened.
pub(super) type Counts = BTreeMap<&'static str, u32>;

/// Troubles in random order, each as often as any other.
struct Deck {
    all: Vec<&'static str>,
    left: Vec<&'static str>,
}

impl Deck {
    fn new(mut all: Vec<&'static str>) -> Self {
        if let Ok(only) = std::env::var("SOAK_ONLY") {
            all.retain(|what| only.split(',').any(|one| one == *what));
        }
        let left = Vec::new();
        Self { all, left }
    }

    /// The next one; none where there is none at all.
    fn draw(&mut self, random: &mut Random) -> Option<&'static str> {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
            random.shuffle(&mut self.left);
        }
        self.left.pop()
    }
}

/// Gives the workers trouble until `ended`.
pub(super) fn for_workers(
    posts: &[Post<'_>],
    diary: &Diary,
    mut random: Random,
    ended: &AtomicBool,
) -> Counts {
    let mut counts = Counts::new();
    let mut deck = Deck::new(WORKERS.to_vec());
    while pause(random.pause(300..2500), ended) {
        let post = &posts[random.below(posts.len())];
        let length = random.pause(300..7000);
        let Some(what) = deck.draw(&mut random) else {
            continue;
        };
        diary.note(&format!("{}: {what}", post.name));
        let happened = match what {
            "kill" => post.tell(Told::Die),
            "stop" => post.tell(Told::Stop),
            "give back" => post.tell(Told::GiveBack),
            _ => post.freeze(length),
        };
        if happened {
            *counts.entry(what).or_default() += 1;
        } else {
            diary.note("not: it is stopping, or was started just now");
        }
    }
    counts
}

/// Gives the broker trouble until `ended`, one thing after the other, each mended before the next.
pub(super) fn for_broker(
    site: &Site,
    lanes: &[Lane],
    diary: &Diary,
    mut random: Random,
    ended: &AtomicBool,
) -> Counts {
    let mut counts = Counts::new();
    let mut troubles = BROKER.to_vec();
    if site.nodes() > 1 {
        troubles.extend(CLUSTER);
    }
    let mut deck = Deck::new(troubles);
    while pause(random.pause(500..3000), ended) {
        let Some(what) = deck.draw(&mut random) else {
            continue;
        };
        // All that chance decides is drawn here, so that the same seed makes the same schedule.
        let mut node = 1 + random.below(site.nodes());
        let lane = &lanes[random.below(lanes.len())];
        let length = random.pause(200..5000);
        let delay = random.pause(5..200);
        if what.ends_with("a leader") {
            node = site.broker.leader_of(&lane.queue, node).unwrap_or(node);
        }
        let place = if site.nodes() > 1 {
            format!(" (node {node})")
        } else {
            String::new()
        };
        diary.note(&format!("{what}{place} for {length:?}"));
        Trouble {
            site,
            diary,
            node,
            length,
            delay,
        }
        .make(what);
        diary.note(&format!("{what}: mended"));
        *counts.entry(what).or_default() += 1;
    }
    counts
}

struct Trouble<'a> {
    site: &'a Site,
    diary: &'a Diary,
    node: usize,
    length: Duration,
    delay: Duration,
}

impl Trouble<'_> {
    /// Makes trouble and mends it.
    fn make(&self, what: &str) {
        let broker = &self.site.broker;
        match what {
            "kill the broker" | "kill a leader" => {
                self.on_node("kill");
                self.wait();
                self.on_node("start");
            }
            "freeze the broker" => {
                self.on_node("freeze");
                self.wait();
                self.site.thaw(self.node, self.diary);
            }
            "freeze a leader" => {
                self.on_node("freeze");
                // Beyond the tick of the cluster, so that it chooses another one.
                thread::sleep(self.length + Duration::from_secs(8));
                self.site.thaw(self.node, self.diary);
            }
            "kill two nodes" => {
                let other = self.node % self.site.nodes() + 1;
                broker.script_on(self.node, "kill");
                broker.script_on(other, "kill");
                self.wait();
                broker.script("start");
            }
            "stop and start its application" => {
                broker.ctl(&["-q", "stop_app"]);
                self.wait();
                broker.ctl(&["-q", "start_app"]);
            }
            "close all connections" => {
                broker.ctl(&["-q", "close_all_connections", "--global", "soak"]);
            }
            "memory alarm" => {
                broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.0001"]);
                self.wait();
                broker.ctl(&["-q", "set_vm_memory_high_watermark", "0.4"]);
            }
            "disk alarm" => {
                broker.ctl(&["-q", "set_disk_free_limit", "100000GB"]);
                self.wait();
                broker.ctl(&["-q", "set_disk_free_limit", "50MB"]);
            }
            _ => self.disturb_links(what),
        }
    }

    fn disturb_links(&self, what: &str) {
        for proxy in &self.site.proxies {
            match what {
                "cut links" => proxy.cut(),
                "delay links" => proxy.delay(self.delay),
                "stall links" => proxy.stall(),
                other => panic!("no such trouble: {other}"),
            }
        }
        self.wait();
        for proxy in &self.site.proxies {
            proxy.restore();
        }
    }

    fn on_node(&self, verb: &str) {
        match self.site.nodes() {
            1 => self.site.broker.script(verb),
            _ => self.site.broker.script_on(self.node, verb),
        }
    }

    fn wait(&self) {
        thread::sleep(self.length);
    }
}

/// Waits; whether the run goes on after that.
fn pause(length: Duration, ended: &AtomicBool) -> bool {
    thread::sleep(length);
    !ended.load(Ordering::SeqCst)
}
