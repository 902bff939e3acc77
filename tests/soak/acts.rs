//! The three acts of a cluster: the leader killed, the leader frozen, two nodes killed.

use super::control::Control;
use super::diary::Diary;
use super::lane::Lane;
use super::producer::Mode;
use super::site::Site;
use super::staff::Post;
use super::trouble::Counts;
use std::thread;
use std::time::{Duration, Instant};

/// A quorum queue that is younger than this may not survive its broker.
pub(super) const YOUTH: Duration = Duration::from_secs(3);

/// How long it may take until all go on, once another client does. Our commands give up a silent
/// node after some ten seconds; the rest is for a busy machine.
const GO_ON_MAX: Duration = Duration::from_secs(60);

/// How long anything else may take. `rabbitmqctl`, which knows the leader, takes a second, and half a
/// minute on a machine with twenty times the work that it can do.
const SOON_MAX: Duration = Duration::from_secs(180);

/// Single tasks that must be sent after a fault; and files, which take up to a second.
const SINGLES: usize = 5;
const FILES: usize = 1;

/// Retries and delayed tasks should be back after a fifth of a second.
const OVERDUE: Duration = Duration::from_secs(3);

/// Four workers that have done nothing for this long get nothing: each task takes milliseconds.
const QUIET: Duration = Duration::from_secs(2);

/// All nodes.
const ALL: [usize; 3] = [1, 2, 3];

/// The play, with producers and workers going on all the time.
pub(super) struct Play<'a> {
    site: &'a Site,
    lane: &'a Lane,
    posts: &'a [Post<'a>],
    diary: &'a Diary,
    control: Control<'a>,
    begun: Instant,
}

impl<'a> Play<'a> {
    /// A play on one lane.
    pub(super) fn new(
        site: &'a Site,
        lane: &'a Lane,
        posts: &'a [Post<'a>],
        diary: &'a Diary,
    ) -> Self {
        Self {
            site,
            lane,
            posts,
            diary,
            control: Control::new(site, lane, diary),
            begun: Instant::now(),
        }
    }

    /// Plays all acts.
    pub(super) fn play(&self) -> Counts {
        let broker = &self.site.broker;
        let mut judged = 0;
        if !self.all_go_on("at first", &ALL) {
            self.diary
                .wrong("the broker does not go on without a fault");
        }
        self.wait("the queue is old enough to survive", SOON_MAX, || {
            self.begun.elapsed() > YOUTH
        });

        let leader = self.leader(1);
        self.diary
            .note(&format!("node {leader}, the leader, is killed"));
        broker.script_on(leader, "kill");
        judged += u32::from(self.all_go_on("without the leader", &others(leader)));
        broker.script_on(leader, "start");

        let leader = self.leader(leader);
        self.diary
            .note(&format!("node {leader}, the leader, is frozen"));
        broker.script_on(leader, "freeze");
        let awake = others(leader);
        judged += u32::from(self.all_go_on("while it is frozen", &awake));
        self.note_retries("while it is frozen");
        broker.script_on(leader, "thaw");
        self.all_go_on("after it woke", &awake);

        // The one that woke may stay apart: others that had given it up can be there again in the
        // instant in which it wakes, and RabbitMQ then leaves the two sides as they are. Started
        // anew it joins them.
        let woken = leader;
        let leader = self.leader(awake[0]);
        let other = if leader == woken { awake[0] } else { leader };
        self.diary
            .note(&format!("nodes {woken} and {other} are killed"));
        broker.script_on(woken, "kill");
        broker.script_on(other, "kill");
        // The third one has no majority: nothing is confirmed. RabbitMQ up to 4.2 then closes its
        // connections; 4.3 keeps them, and hands out nothing.
        self.wait("nobody has anything to do any more", SOON_MAX, || {
            let done = |post: &Post<'_>| post.last_done().is_some_and(|at| at.elapsed() < QUIET);
            !self.posts.iter().any(done)
        });
        broker.script("start");
        judged += u32::from(self.all_go_on("after their return", &ALL));
        if judged == 0 {
            self.diary
                .wrong("the broker went on after no fault: nothing shows that our commands do");
        }
        Counts::from([
            ("kill a leader", 1),
            ("freeze a leader", 1),
            ("kill two nodes", 1),
        ])
    }

    /// The node with the work queue's leader, as node `asked` knows.
    fn leader(&self, asked: usize) -> usize {
        let mut leader = None;
        self.wait("there is a leader", SOON_MAX, || {
            leader = self.site.broker.leader_of(&self.lane.queue, asked);
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Waits until another client goes on through these nodes, which are up; and then until single
    /// tasks and files that were begun after the fault have been confirmed, and each worker has done
    /// something after that. Whether the broker went on at all: where it stood still nothing is
    /// held against our commands.
    fn all_go_on(&self, when: &str, nodes: &[usize]) -> bool {
        let since = Instant::now();
        let took = || format!("after {:.1} s", since.elapsed().as_secs_f64());
        if !self.control.goes_on(nodes) {
            self.diary.note(&format!(
                "the broker itself does not go on {when}: another client cannot publish to the queue \
                 and ask it for a task through each of nodes {nodes:?}; ours are not judged"
            ));
            return false;
        }
        self.diary.note(&format!(
            "another client goes on through nodes {nodes:?} {when}, {}",
            took()
        ));
        self.wait(
            &format!("both ways of sending go on {when}"),
            GO_ON_MAX,
            || {
                self.lane.calls_since(Mode::Single, since) >= SINGLES
                    && self.lane.calls_since(Mode::Bulk, since) >= FILES
            },
        );
        let then = Instant::now();
        let what = format!("all workers go on {when}");
        let is_done = self.is_soon(&what, GO_ON_MAX, || {
            let done = |post: &Post<'_>| post.last_done().is_some_and(|at| at > then);
            self.posts.iter().all(done)
        });
        if !is_done
            && nodes
                .iter()
                .any(|node| self.site.broker.is_partitioned(*node))
        {
            // Seen with 3.10: the queue's leader has lost the consumers of a node that it does not
            // count as gone either. A client that asks for a task still gets one.
            self.diary
                .note(&format!("Mnesia is partitioned; not judged: {what}"));
            return false;
        }
        if !is_done {
            self.diary.wrong(&not_soon(&what, GO_ON_MAX));
        }
        self.diary.note(&format!("all go on {when}, {}", took()));
        true
    }

    /// Notes whether the broker keeps what should have come back, ours and the other client's.
    fn note_retries(&self, when: &str) {
        let ours = self.lane.backlog.overdue(OVERDUE);
        let theirs = self.control.overdue(OVERDUE);
        self.diary.note(&format!(
            "{when} {ours} retries have not come back from the delay queues, nor have {theirs} tasks \
             of the other client's that went the same way"
        ));
    }

    /// It is wrong if it is not so in time.
    fn wait(&self, what: &str, limit: Duration, is_so: impl FnMut() -> bool) {
        if !self.is_soon(what, limit, is_so) {
            self.diary.wrong(&not_soon(what, limit));
        }
    }

    /// Waits until it is so. Whether it is in time.
    fn is_soon(&self, what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > limit {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let took = begun.elapsed().as_secs_f64();
        self.diary.note(&format!("{what}, after {took:.1} s"));
        true
    }
}

fn not_soon(what: &str, limit: Duration) -> String {
    format!("within {limit:?} not: {what}")
}

/// The nodes but this one.
fn others(node: usize) -> Vec<usize> {
    ALL.into_iter().filter(|other| *other != node).collect()
}
