//! What those who watch a worker are told: numbers and probes over HTTP.
//!
//! The main loop leaves its state here each time it comes round; a thread of its own answers who
//! asks. So a question never waits for the loop, nor the loop for one who asks.

mod probes;
mod state;

use super::core::Event;
use super::metrics::Metrics;
use crate::base::fault::{Fault, Kind};
use crate::http::{self, ListenAddress, Listener, SocketFile};
use crate::output::Report;
use probes::Probes;
pub(super) use state::{Phase, SharedState, State};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How often the main loop ticks of itself while it is watched.
const TICK: Duration = Duration::from_secs(10);

/// What the main loop feeds.
pub(super) struct Monitoring {
    served: Option<Served>,
    /// When a task had its last outcome.
    last_outcome: Option<SystemTime>,
    /// The connection was lost, and there is no other one yet.
    is_lost: bool,
}

/// What is served over HTTP.
struct Served {
    metrics: Arc<Metrics>,
    state: Arc<SharedState>,
    /// It goes when the worker ends.
    _file: Option<SocketFile>,
}

impl Monitoring {
    /// Begins to serve, if the user wants it, and says where.
    ///
    /// # Errors
    /// [`Kind::SetUp`] where nothing can be served at this address.
    pub(super) fn begin(
        address: Option<&ListenAddress>,
        queue: &str,
        slots: usize,
        report: &Report,
    ) -> Result<Self, Fault> {
        let served = address.map(|address| serve(address, queue, slots, report));
        Ok(Self {
            served: served.transpose()?,
            last_outcome: None,
            is_lost: false,
        })
    }

    /// Counts what happens.
    pub(super) fn happened(&mut self, event: &Event) {
        let now = SystemTime::now();
        let is_reconnect = matches!(event, Event::Consuming) && self.is_lost;
        match event {
            Event::Done { .. } | Event::Failed { .. } => self.last_outcome = Some(now),
            Event::Disconnected(_) => self.is_lost = true,
            Event::Consuming => self.is_lost = false,
            _ => {}
        }
        if let Some(served) = &self.served {
            served.metrics.count(event, now);
            if is_reconnect {
                served.metrics.reconnected();
            }
        }
    }

    /// A task was delivered again.
    pub(super) fn redelivered(&self) {
        if let Some(served) = &self.served {
            served.metrics.redelivered();
        }
    }

    /// The main loop has come round. `state` lacks what is known here.
    pub(super) fn tick(&self, state: State, now: Instant) {
        let last_outcome = self.last_outcome;
        if let Some(served) = &self.served {
            let state = State {
                last_outcome,
                ..state
            };
            served.state.tick(state, now);
        }
    }

    /// The main loop is about to wait for the broker's answers.
    pub(super) fn calls_broker(&self) {
        if let Some(served) = &self.served {
            served.state.calls_broker(Instant::now());
        }
    }

    /// When the main loop is to come round at the latest.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        self.served.is_some().then(|| now + TICK)
    }
}

fn serve(
    address: &ListenAddress,
    queue: &str,
    slots: usize,
    report: &Report,
) -> Result<Served, Fault> {
    let refused = |error| {
        let text = format!("cannot listen on {address} (--metrics): {error}");
        Fault::new(Kind::SetUp, text)
    };
    let (listener, bound, file) = Listener::bind(address).map_err(refused)?;
    let state = State {
        slots,
        ..State::default()
    };
    let state = Arc::new(SharedState::new(state, Instant::now()));
    let metrics = Arc::new(Metrics::new(queue, &state));
    let probes = Probes {
        metrics: Arc::clone(&metrics),
        state: Arc::clone(&state),
    };
    thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || http::serve(&listener, &|request| probes.answer(request)))
        .map_err(|error| {
            let text = format!("cannot start a thread for --metrics: {error}");
            Fault::new(Kind::SetUp, text)
        })?;
    report.note(&match bound {
        ListenAddress::Tcp(bound) => format!("metrics are at http://{bound}/metrics"),
        ListenAddress::Unix(path) => format!("metrics are at /metrics of {}", path.display()),
    });
    Ok(Served {
        metrics,
        state,
        _file: file,
    })
}
