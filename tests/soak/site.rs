//! The broker, and the ways to it.

use super::diary::Diary;
use crate::env::broker::{Nodes, private_name};
use crate::env::{Broker, DEADLINE, Proxy, Random};
use std::time::Duration;

/// The nodes of a cluster give up one that is frozen after about this many seconds, and then choose
/// other leaders. RabbitMQ's default of 60 would make a run long.
const TICK: &str = "net_ticktime = 5\n";

/// What a delay queue hands over and the work queue does not confirm, as its leader is gone, is
/// handed over once more after this time. By default three minutes.
const HAND_OVER: &str = "[{rabbit, [{dead_letter_worker_publisher_confirm_timeout, 5000}]}].\n";

/// How long a node that was frozen may take to join the others again.
const REJOIN: Duration = Duration::from_secs(8);

/// A broker of the run's own, reached directly or through proxies.
pub(super) struct Site {
    pub(super) broker: Broker,
    /// One for each node.
    pub(super) proxies: Vec<Proxy>,
    through: String,
}

impl Site {
    /// Starts broker and proxies.
    pub(super) fn start(nodes: Nodes) -> Self {
        // `scripts/soak` and `scripts/test` stop what is left over of the name that they know.
        let name = std::env::var("SOAK_BROKER");
        let name = name.unwrap_or_else(|_| private_name());
        let (conf, advanced) = match nodes {
            Nodes::One => ("", ""),
            Nodes::Three => (TICK, HAND_OVER),
        };
        let broker = Broker::named(name, nodes, conf, advanced);
        let proxies: Vec<Proxy> = broker.urls().map(Proxy::start).collect();
        let urls: Vec<&str> = proxies.iter().map(|proxy| proxy.url.as_str()).collect();
        Self {
            through: urls.join(","),
            broker,
            proxies,
        }
    }

    /// How many nodes there are.
    pub(super) fn nodes(&self) -> usize {
        self.proxies.len()
    }

    /// The URL, or URLs, for one client: half of them go through the proxies.
    pub(super) fn url(&self, random: &mut Random) -> &str {
        match random.below(2) {
            0 => &self.through,
            _ => &self.broker.url,
        }
    }

    /// Lets a node go on that was frozen.
    ///
    /// Others that had given it up may be there again in the instant in which it wakes. Then
    /// RabbitMQ sees that they are not of one mind any more, and does nothing about it: somebody
    /// must start one side anew (3.10.8, about every other time).
    pub(super) fn thaw(&self, node: usize, diary: &Diary) {
        if self.nodes() == 1 {
            self.broker.script("thaw");
            return;
        }
        self.broker.script_on(node, "thaw");
        if !self.broker.is_whole(REJOIN) {
            diary.note(&format!("node {node} stays apart and is started anew"));
            self.broker.script_on(node, "kill");
            self.broker.script_on(node, "start");
            assert!(self.broker.is_whole(DEADLINE), "the nodes stay apart");
        }
    }
}
