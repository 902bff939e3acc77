//! The three acts of a cluster: the leader killed, the leader frozen, two nodes killed.

use super::diary::Diary;
use super::lane::Lane;
use super::producer::Mode;
use super::site::Site;
use super::staff::Post;
use super::trouble::Counts;
use std::thread;
use std::time::{Duration, Instant};

/// How long it may take until all go on after a fault. The nodes give up a frozen one after five
/// seconds; the rest is for a busy machine.
const RECOVER_MAX: Duration = Duration::from_secs(90);

/// Single tasks that must be sent after a fault; and files, which take up to a second.
const SINGLES: usize = 5;
const FILES: usize = 1;

/// The play, with producers and workers going on all the time.
pub(super) struct Play<'a> {
    pub(super) site: &'a Site,
    pub(super) lane: &'a Lane,
    pub(super) posts: &'a [Post<'a>],
    pub(super) diary: &'a Diary,
}

impl Play<'_> {
    /// Plays all acts.
    pub(super) fn play(&self) -> Counts {
        let broker = &self.site.broker;
        self.all_go_on("at first", Instant::now());

        let leader = self.leader();
        self.diary
            .note(&format!("node {leader}, the leader, is killed"));
        broker.script_on(leader, "kill");
        self.all_go_on("without the leader", Instant::now());
        broker.script_on(leader, "start");

        let leader = self.leader();
        self.diary
            .note(&format!("node {leader}, the leader, is frozen"));
        broker.script_on(leader, "freeze");
        self.all_go_on("while it is frozen", Instant::now());
        self.site.thaw(leader, self.diary);

        let leader = self.leader();
        let other = leader % self.site.nodes() + 1;
        self.diary
            .note(&format!("nodes {leader} and {other} are killed"));
        broker.script_on(leader, "kill");
        broker.script_on(other, "kill");
        // The third one gives up on its own: without a majority nothing is confirmed.
        self.wait("nobody is connected any more", || {
            self.posts.iter().all(Post::is_cut_off)
        });
        broker.script("start");
        self.all_go_on("after their return", Instant::now());
        Counts::from([
            ("kill a leader", 1),
            ("freeze a leader", 1),
            ("kill two nodes", 1),
        ])
    }

    fn leader(&self) -> usize {
        let mut leader = None;
        self.wait("there is a leader", || {
            leader = self.site.broker.leader_of(&self.lane.queue);
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Waits until single tasks and files that were begun after `since` have been confirmed, and
    /// each worker has done something after that.
    fn all_go_on(&self, when: &str, since: Instant) {
        self.wait(&format!("both ways of sending go on {when}"), || {
            self.lane.calls_since(Mode::Single, since) >= SINGLES
                && self.lane.calls_since(Mode::Bulk, since) >= FILES
        });
        let since = Instant::now();
        self.wait(&format!("all workers go on {when}"), || {
            self.posts.iter().all(|post| post.has_done_since(since))
        });
    }

    fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed() > RECOVER_MAX {
                self.diary
                    .wrong(&format!("within {RECOVER_MAX:?} not: {what}"));
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let took = begun.elapsed().as_secs_f64();
        self.diary.note(&format!("{what}, after {took:.1} s"));
    }
}
