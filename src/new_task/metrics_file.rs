//! The numbers of a run, for `node_exporter`'s textfile collector (`--metrics-file`).

use super::counts::SendCounts;
use crate::base::fault::{Fault, Kind};
use crate::output::MetricsFormat;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;

const LAST_SUCCESS: &str = "last_success_timestamp_seconds";

/// The numbers of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunNumbers {
    /// How many tasks were read and tried.
    pub(super) sent: u64,
    pub(super) counts: SendCounts,
    pub(super) took: Duration,
}

impl RunNumbers {
    /// Replaces the file as a whole, so that nobody reads half of it. A run without success keeps
    /// the time of the last one that had it.
    ///
    /// # Errors
    /// [`Kind::InputOutput`].
    pub(super) fn write(self, path: &Path, queue: &str, is_success: bool) -> Result<(), Fault> {
        let now = since_1970(SystemTime::now());
        let last_success = if is_success {
            Some(now)
        } else {
            last_success(path)
        };
        let text = self.text(queue, now, last_success);
        replace(path, &text).map_err(|error| unwritten(path, &error))
    }

    fn text(self, queue: &str, now: f64, last_success: Option<f64>) -> String {
        let mut registry = Registry::default();
        let label = ("queue".into(), queue.to_owned().into());
        let own = registry
            .sub_registry_with_prefix("new_task")
            .sub_registry_with_label(label);
        let counts = self.counts;
        for (name, help, count) in [
            ("tasks_sent", "Tasks tried by the last run", self.sent),
            (
                "tasks_confirmed",
                "Tasks of the last run that the broker has confirmed",
                counts.confirmed,
            ),
            (
                "tasks_failed",
                "Tasks of the last run that were tried and not confirmed",
                counts.failed,
            ),
            (
                "tasks_not_sent",
                "Tasks of the last run that were never tried",
                counts.not_sent,
            ),
        ] {
            own.register(name, help, ConstGauge::new(count));
        }
        let seconds = [
            (
                "duration_seconds",
                "How long the last run took",
                Some(self.took.as_secs_f64()),
            ),
            (
                "last_run_timestamp_seconds",
                "When the last run ended, in seconds since 1970",
                Some(now),
            ),
            (
                LAST_SUCCESS,
                "When a run last ended with exit code 0, in seconds since 1970",
                last_success,
            ),
        ];
        for (name, help, seconds) in seconds {
            if let Some(seconds) = seconds {
                own.register(name, help, ConstGauge::new(seconds));
            }
        }
        // A string takes all that is written to it.
        MetricsFormat::Text.encode(&registry).unwrap_or_default()
    }
}

/// The time of the last success that the file of an earlier run tells.
fn last_success(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(&format!("new_task_{LAST_SUCCESS}{{")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

/// Whether the file can be written. Better told before millions of tasks are sent than after.
///
/// # Errors
/// [`Kind::InputOutput`].
pub(super) fn check(path: &Path) -> Result<(), Fault> {
    let usable = if path.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        beside(path).map(drop)
    };
    usable.map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Fault {
    let text = format!(
        "cannot write to {}: {error} (--metrics-file)",
        path.display()
    );
    Fault::new(Kind::InputOutput, text)
}

/// A new file in the same directory.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::metadata(directory)?;
    // The reader is another user; the umask still counts.
    let made = tempfile::Builder::new()
        .prefix(".new_task.")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory);
    // Its own words name the temporary file.
    made.map_err(|error| error.kind().into())
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn since_1970(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
