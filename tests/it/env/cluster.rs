//! A broker of three nodes.

use super::broker::{Broker, describe, script};
use super::root;
use std::path::Path;
use std::time::Duration;

impl Broker {
    /// Runs `scripts/broker VERB` for node `number`, from 1, of this cluster.
    pub fn script_on(&self, number: usize, verb: &str) {
        let output = script(Some(&self.node(number)), &[verb]);
        let told = describe(&output);
        assert!(output.status.success(), "{verb} node {number}: {told}");
    }

    /// The name of node `number` of this cluster.
    fn node(&self, number: usize) -> String {
        format!("{}-{number}", self.name.as_deref().unwrap())
    }

    /// Waits until all three nodes of this cluster know of each other. Whether they do in time.
    pub fn is_whole(&self, within: Duration) -> bool {
        let limit = within.as_secs().to_string();
        let awaited = self.run(&["ctl", "-q", "await_online_nodes", "3", "--timeout", &limit]);
        awaited.status.success()
    }

    /// The number of the node of this cluster on which the leader of the quorum queue `queue` is,
    /// as node `asked` knows; none where there is no leader for now.
    pub fn leader_of(&self, queue: &str, asked: usize) -> Option<usize> {
        let list = ["ctl", "-q", "list_queues", "name", "leader"];
        let listed = script(Some(&self.node(asked)), &list);
        let listed = String::from_utf8_lossy(&listed.stdout);
        let mut rows = listed.lines().map(|line| line.split_whitespace());
        let leader = rows.find_map(|mut row| (row.next() == Some(queue)).then(|| row.next()))??;
        let (name, _) = leader.split_once('@')?;
        name.rsplit_once('-')?.1.parse().ok()
    }

    /// Whether node `asked` of this cluster says that Mnesia runs on two sides of a partition.
    /// Without a mode to handle partitions that stays so when all nodes reach each other again.
    pub fn is_partitioned(&self, asked: usize) -> bool {
        let ask = ["ctl", "-q", "cluster_status", "--formatter", "json"];
        let told = script(Some(&self.node(asked)), &ask);
        let status: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap_or_default();
        let partitions = status["partitions"].as_object();
        partitions.is_some_and(|partitions| !partitions.is_empty())
    }

    /// The port of node `number`.
    pub fn port(&self, number: usize) -> u16 {
        let url = self.urls().nth(number - 1).unwrap();
        url.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// Copies the logs of a private broker's nodes to `folder`.
    pub fn keep_logs(&self, folder: &Path) {
        let nodes = root()
            .join("target/brokers")
            .join(self.name.as_deref().unwrap());
        for number in 1..=self.urls().count() {
            let [old, new] = ["log.old", "log"].map(|log| nodes.join(format!("{number}/{log}")));
            let logs = [old, new].map(|log| std::fs::read(log).unwrap()).concat();
            std::fs::write(folder.join(format!("node-{number}.log")), logs).unwrap();
        }
    }

    /// The URLs of the nodes.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.split(',')
    }
}
