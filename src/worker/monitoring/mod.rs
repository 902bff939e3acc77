//! What those who watch a worker are told: numbers and probes over HTTP, and the service manager.
//!
//! The main loop leaves its state here each time it comes round; a thread of its own answers who
//! asks. So a question never waits for the loop, nor the loop for one who asks. The service manager
//! is told by the loop itself, so that it hears when that hangs.

mod notifier;
mod probes;
mod systemd;

use super::core::Event;
use super::metrics::Metrics;
use super::settings::WorkerSettings;
use super::state::{SharedState, State};
use crate::base::fault::{Fault, Kind};
use crate::http::{self, ListenAddress, Listener, SocketFile};
use crate::output::Report;
use notifier::Notifier;
use probes::Probes;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How often the main loop ticks of itself while it is watched.
const TICK: Duration = Duration::from_secs(10);

/// What the main loop feeds.
pub(super) struct Monitoring {
    served: Option<Served>,
    notifier: Option<Notifier>,
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
    /// Begins to serve, if the user wants it, and says where; finds the service manager, if there is
    /// one.
    ///
    /// # Errors
    /// [`Kind::SetUp`] where nothing can be served at this address.
    pub(super) fn begin(
        address: Option<&ListenAddress>,
        settings: &WorkerSettings,
        report: &Report,
    ) -> Result<Self, Fault> {
        let served = address.map(|address| serve(address, settings, report));
        let ending = &settings.core.ending;
        let kill_after = ending.kill_after.unwrap_or_default();
        let notifier = Notifier::from_environment(ending.grace, kill_after);
        let notifier = notifier.unwrap_or_else(|error| {
            report.warn(&not_told(&error));
            None
        });
        Ok(Self {
            served: served.transpose()?,
            notifier,
            last_outcome: None,
            is_lost: false,
        })
    }

    /// How many files are open for those who watch, at most.
    pub(super) fn open_files(&self) -> u64 {
        match self.served {
            Some(_) => http::OPEN_FILES,
            None => 0,
        }
    }

    /// Counts what happens.
    pub(super) fn happened(&mut self, event: &Event) {
        let Some(served) = &self.served else { return };
        let now = SystemTime::now();
        match event {
            Event::Done { .. } | Event::Failed { .. } => self.last_outcome = Some(now),
            Event::Disconnected(_) => self.is_lost = true,
            Event::Consuming if self.is_lost => {
                self.is_lost = false;
                served.metrics.reconnected();
            }
            _ => {}
        }
        served.metrics.count(event, now);
    }

    /// A task was delivered again.
    pub(super) fn redelivered(&self) {
        if let Some(served) = &self.served {
            served.metrics.redelivered();
        }
    }

    /// The main loop has come round. `state` lacks what is known here. An error is to be told.
    pub(super) fn tick(&mut self, state: State, now: Instant) -> Result<(), String> {
        let last_outcome = self.last_outcome;
        if let Some(served) = &self.served {
            let state = State {
                last_outcome,
                ..state
            };
            served.state.tick(state, now);
        }
        let told = self.notifier.as_mut().map(|to| to.tick(state, now));
        told.unwrap_or(Ok(())).map_err(|error| not_told(&error))
    }

    /// The main loop has ended.
    pub(super) fn stopped(&mut self) {
        // A manager that could not be told was warned of.
        let _ = self.notifier.as_mut().map(|to| to.stop(Instant::now()));
    }

    /// The main loop is about to wait for the broker's answers.
    pub(super) fn calls_broker(&self) {
        if let Some(served) = &self.served {
            served.state.calls_broker(Instant::now());
        }
    }

    /// When the main loop is to come round at the latest.
    pub(super) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let tick = self.served.is_some().then(|| now + TICK);
        let due = self.notifier.as_ref().and_then(Notifier::wakes_at);
        [tick, due].into_iter().flatten().min()
    }
}

fn not_told(error: &io::Error) -> String {
    format!("cannot tell the service manager (NOTIFY_SOCKET): {error}")
}

fn serve(
    address: &ListenAddress,
    settings: &WorkerSettings,
    report: &Report,
) -> Result<Served, Fault> {
    let refused = |error| {
        let text = format!("cannot listen on {address} (--metrics): {error}");
        Fault::new(Kind::SetUp, text)
    };
    let (listener, bound, file) = Listener::bind(address).map_err(refused)?;
    let state = State {
        slots: settings.core.slots,
        ..State::default()
    };
    let state = Arc::new(SharedState::new(state, Instant::now()));
    let metrics = Arc::new(Metrics::new(settings.queue.name.as_str(), &state));
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
