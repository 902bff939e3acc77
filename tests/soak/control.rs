//! Another client on the same queue, to tell the broker's doing from ours.
//!
//! After a fault it publishes to the work queue and asks it for a task through each node, with a
//! library of its own and nothing of our recovery. Our commands must go on when it does. Where it
//! does not, the broker stands still, and that is not held against them; a lost task always is.
//!
//! It also puts a task into the workers' delay queue, as retries are. While a leader is frozen
//! RabbitMQ 3.10 can keep all that lies there until the node wakes (measured: as long as it was
//! frozen, 240 s, in about half of the cases in which work queue and delay queue had the same
//! leader; 4.0 and 4.3 went on after 13 s). The process that hands such tasks over asks the frozen
//! node first.

use super::diary::Diary;
use super::lane::Lane;
use super::site::Site;
use crate::env::root;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How long it tries. RabbitMQ goes on ten seconds after a leader is frozen; the rest is for a busy
/// machine.
const LIMIT: Duration = Duration::from_secs(90);

/// The other client.
pub(super) struct Control<'a> {
    site: &'a Site,
    lane: &'a Lane,
    diary: &'a Diary,
    /// What it has put into the delay queue, and when at the latest.
    delayed: Mutex<Vec<(String, Instant)>>,
    rounds: Mutex<usize>,
}

/// It on one node.
struct Attempt {
    child: Child,
    told: PathBuf,
}

impl<'a> Control<'a> {
    /// Another client on the queue of `lane`.
    pub(super) fn new(site: &'a Site, lane: &'a Lane, diary: &'a Diary) -> Self {
        Self {
            site,
            lane,
            diary,
            delayed: Mutex::default(),
            rounds: Mutex::new(0),
        }
    }

    /// Waits until it gets on through each of these nodes. Whether it does in time.
    pub(super) fn goes_on(&self, nodes: &[usize]) -> bool {
        let mut rounds = self.rounds.lock().unwrap();
        *rounds += 1;
        let deadline = Instant::now() + LIMIT;
        let attempts: Vec<Attempt> = nodes
            .iter()
            .map(|node| self.start(*node, &format!("control-{rounds}-{node}")))
            .collect();
        // Each is waited for, also after one that did not go on.
        let ended: Vec<bool> = attempts
            .into_iter()
            .map(|attempt| self.finish(attempt, deadline))
            .collect();
        ended.into_iter().all(|goes_on| goes_on)
    }

    /// How many of its delayed tasks have not come back, of those that have been away for longer.
    pub(super) fn overdue(&self, than: Duration) -> usize {
        let done = self.lane.carried_out();
        let delayed = self.delayed.lock().unwrap();
        let overdue = delayed
            .iter()
            .filter(|(id, since)| since.elapsed() > than && !done.contains_key(id));
        overdue.count()
    }

    fn start(&self, node: usize, name: &str) -> Attempt {
        let python = root().join("target/venv/bin/python3");
        assert!(
            python.exists(),
            "run scripts/setup test: it installs pika in target/venv"
        );
        let told = self.diary.folder.join(format!("{name}.told"));
        let mut command = Command::new(python);
        command.arg(root().join("tests/soak/control.py"));
        command.arg(self.site.broker.port(node).to_string());
        command.args([&self.lane.queue, name, &self.lane.first_delay_queue()]);
        command.stdout(File::create(&told).unwrap());
        let child = command.spawn().unwrap();
        Attempt { child, told }
    }

    /// Waits for its end, and notes what it has sent.
    fn finish(&self, mut attempt: Attempt, deadline: Instant) -> bool {
        while attempt.child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                attempt.child.kill().unwrap();
                attempt.child.wait().unwrap();
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let told = fs::read_to_string(&attempt.told).unwrap();
        let tasks = |what| {
            let tasks = told.lines().filter_map(move |line| line.strip_prefix(what));
            tasks.map(str::to_owned)
        };
        let (tried, confirmed) = (tasks("tried "), tasks("confirmed "));
        self.lane.note_sent(tried.map(|id| (id, false)));
        self.lane.note_sent(confirmed.clone().map(|id| (id, true)));
        let delayed = confirmed.filter(|id| id.contains("-delayed-"));
        let now = Instant::now();
        self.delayed
            .lock()
            .unwrap()
            .extend(delayed.map(|id| (id, now)));
        told.lines().any(|line| line == "goes on")
    }
}
