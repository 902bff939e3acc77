//! What the system says of this process, under the names that all exporters use. Linux alone has
//! these files; elsewhere nothing is told.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use std::fmt;
use std::fs;

/// Reads the numbers when it is asked for.
#[derive(Debug)]
pub(super) struct Process {
    /// When the machine was started, in seconds since 1970.
    booted: Option<f64>,
}

impl Process {
    pub(super) fn new() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().find_map(|line| line.strip_prefix("btime "));
        Self {
            booted: line.and_then(|seconds| seconds.trim().parse().ok()),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let Some(stat) = Stat::parse(&stat) else {
            return Ok(());
        };
        let (name, help) = ("process_cpu_seconds", "CPU time used, in seconds.");
        let cpu = to.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(stat.cpu_seconds).encode(cpu)?;
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count);
        let numbers = [
            (
                "process_resident_memory_bytes",
                "Resident memory in bytes.",
                Some(stat.resident_bytes),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory in bytes.",
                Some(stat.virtual_bytes),
            ),
            (
                "process_start_time_seconds",
                "When the process was started, in seconds since 1970.",
                self.booted.map(|booted| booted + stat.started_seconds),
            ),
            (
                "process_open_fds",
                "Open file descriptors.",
                // But the one that reads them.
                open.ok().map(|count| count.saturating_sub(1) as f64),
            ),
            (
                "process_max_fds",
                "File descriptors that may be open.",
                getrlimit(Resource::Nofile).current.map(|max| max as f64),
            ),
            ("process_threads", "Threads.", Some(stat.threads)),
        ];
        for (name, help, number) in numbers {
            if let Some(number) = number {
                let gauge = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(number).encode(gauge)?;
            }
        }
        Ok(())
    }
}

/// What `/proc/PID/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: f64,
    /// Since the machine was started.
    started_seconds: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is a name in brackets, which may hold blanks and brackets.
        let (_, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Numbered as in proc(5), from 1; this begins with the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let ticks = clock_ticks_per_second() as f64;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            threads: field(20)?,
            started_seconds: field(22)? / ticks,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page_size() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text = "7 (a) b (c) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 3 0 1000 4096 2 9 1\n";
        let stat = Stat::parse(text).unwrap();
        let ticks = clock_ticks_per_second() as f64;
        let expected = Stat {
            cpu_seconds: 200.0 / ticks,
            threads: 3.0,
            started_seconds: 1000.0 / ticks,
            virtual_bytes: 4096.0,
            resident_bytes: 2.0 * page_size() as f64,
        };
        assert_eq!(stat, expected);
        assert_eq!(Stat::parse(""), None);
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }
}
