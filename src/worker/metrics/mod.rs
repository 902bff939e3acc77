//! The numbers of a worker, in the formats of Prometheus.
//!
//! `counted` is what happens, `gauges` where the worker stands, `process` what the system says of
//! it.

mod counted;
mod gauges;
mod process;

use super::core::Event;
use super::state::SharedState;
use crate::output::MetricsFormat;
use counted::Counted;
use gauges::Gauges;
use process::Process;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// All numbers of a worker.
#[derive(Debug)]
pub(super) struct Metrics {
    counted: Counted,
    registry: Registry,
}

impl Metrics {
    /// Those of a worker on `queue`.
    pub(super) fn new(queue: &str, state: &Arc<SharedState>) -> Self {
        let counted = Counted::default();
        let mut registry = Registry::default();
        let label = ("queue".into(), queue.to_owned().into());
        let own = registry
            .sub_registry_with_prefix("task_worker")
            .sub_registry_with_label(label);
        counted.register(own);
        own.register_collector(Box::new(Gauges(Arc::clone(state))));
        registry.register_collector(Box::new(Process::new()));
        Self { counted, registry }
    }

    /// Counts what has happened `now`.
    pub(super) fn count(&self, event: &Event, now: SystemTime) {
        self.counted.count(event, now);
    }

    /// The connection stands again.
    pub(super) fn reconnected(&self) {
        self.counted.reconnects.inc();
    }

    /// A task was delivered again.
    pub(super) fn redelivered(&self) {
        self.counted.redeliveries.inc();
    }

    /// All numbers as text.
    pub(super) fn encode(&self, format: MetricsFormat) -> Result<String, fmt::Error> {
        format.encode(&self.registry)
    }
}
