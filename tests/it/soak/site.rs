//! The broker, and the ways to it.

use crate::env::{Broker, Nodes, Proxy, Random, unique};

/// The nodes of a cluster give up one that is frozen after about so many seconds, and then choose
/// other leaders. RabbitMQ's default of 60 would make a run long.
const TICK: &str = "net_ticktime = 5\n";

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
        let name = name.unwrap_or_else(|_| unique("soak").replace("it-", "test-"));
        let conf = match nodes {
            Nodes::One => "",
            Nodes::Three => TICK,
        };
        let broker = Broker::start(name, nodes, conf, "");
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
}
