//! Where the worker stands, as numbers.

use crate::worker::state::{Phase, SharedState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// Reads the state when it is asked for.
#[derive(Debug)]
pub(super) struct Gauges(pub(super) Arc<SharedState>);

impl Collector for Gauges {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let state = self.0.state();
        let numbers = [
            ("tasks_running", "Tasks that run", state.running as u64),
            ("slots", "Tasks that can run at once", state.slots as u64),
            (
                "tasks_prefetched",
                "Tasks delivered that have not begun",
                state.prefetched as u64,
            ),
            (
                "connected",
                "Whether the worker is connected to the broker",
                u64::from(state.connected),
            ),
            (
                "draining",
                "Whether the worker takes no more tasks and ends when those that run are done",
                u64::from(state.phase == Phase::Draining),
            ),
        ];
        for (name, help, number) in numbers {
            let gauge = to.encode_descriptor(name, &dotted(help), None, MetricType::Gauge)?;
            ConstGauge::new(number).encode(gauge)?;
        }
        let since = state.last_outcome;
        if let Some(since) = since.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
            let (name, help) = (
                "last_outcome_timestamp_seconds",
                "When an attempt ended last, in seconds since 1970.",
            );
            let gauge = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(since.as_secs_f64()).encode(gauge)?;
        }
        let help = "Version of the worker.";
        let mut info = to.encode_descriptor("build_info", help, None, MetricType::Gauge)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        ConstGauge::new(1_u64).encode(info.encode_family(&version)?)
    }
}

/// As the library ends the others' help texts.
fn dotted(help: &str) -> String {
    format!("{help}.")
}
