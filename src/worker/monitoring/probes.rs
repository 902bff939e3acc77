//! What is served to those who watch a worker: `/metrics`, `/livez`, `/readyz`.

use crate::base::plural::counted;
use crate::http::{Request, Response, Status, accepts};
use crate::output::MetricsFormat;
use crate::worker::metrics::Metrics;
use crate::worker::state::{Phase, SharedState, State};
use std::sync::Arc;
use std::time::Instant;

/// Answers requests, on a thread of its own.
pub(super) struct Probes {
    pub(super) metrics: Arc<Metrics>,
    pub(super) state: Arc<SharedState>,
}

impl Probes {
    pub(super) fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/metrics" => self.metrics(request.accept.as_deref()),
            "/livez" => self.live(),
            "/readyz" => ready(self.state.state()),
            _ => {
                let text = "there are /metrics, /livez and /readyz";
                Response::line(Status::NotFound, text)
            }
        }
    }

    fn metrics(&self, accept: Option<&str>) -> Response {
        let [text, openmetrics] = [MetricsFormat::Text, MetricsFormat::OpenMetrics];
        let format = if accepts(accept, openmetrics.name(), text.name()) {
            openmetrics
        } else {
            text
        };
        match self.metrics.encode(format) {
            Ok(body) => Response {
                status: Status::Ok,
                content_type: format.content_type(),
                body,
            },
            Err(_) => Response::line(Status::Unavailable, "the metrics cannot be encoded"),
        }
    }

    /// A broker that is away does not count: no restart of the worker brings it back.
    fn live(&self) -> Response {
        match self.state.stuck_for(Instant::now()) {
            None => Response::line(Status::Ok, "live"),
            Some(age) => {
                let age = age.as_secs();
                let text = format!("not live: the main loop has not ticked for {age} s");
                Response::line(Status::Unavailable, &text)
            }
        }
    }
}

fn ready(state: State) -> Response {
    let why = match (state.phase, state.connected) {
        (Phase::Consuming, _) => return Response::line(Status::Ok, "ready"),
        (Phase::Starting, false) => "starting, not connected to the broker yet".to_owned(),
        (Phase::Starting, true) => "starting, connected to the broker".to_owned(),
        (Phase::Away, false) => "the connection to the broker is lost; reconnecting".to_owned(),
        (Phase::Away, true) => "the broker has cancelled the consumer".to_owned(),
        (Phase::Busy, _) => "the host is busy (--max-load, --min-memory)".to_owned(),
        (Phase::Draining, _) => {
            let running = counted(state.running as u64, "running task");
            format!("draining, {running}")
        }
    };
    Response::line(Status::Unavailable, &format!("not ready: {why}"))
}
