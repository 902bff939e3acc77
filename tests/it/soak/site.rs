//! The broker, and the ways to it.

use crate::env::{Broker, Nodes, Proxy, Random};

/// After so many seconds the nodes of a cluster give up one that is frozen.
const TICK: u32 = 8;

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
        let broker = match nodes {
            Nodes::One => Broker::private("", ""),
            Nodes::Three => Broker::cluster(TICK),
        };
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
