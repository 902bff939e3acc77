//! The two text formats of Prometheus.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt::{self, Write as _};

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Prometheus's own, which all readers understand.
    Text,
    /// `OpenMetrics`, for those who ask for it.
    OpenMetrics,
}

impl MetricsFormat {
    /// The content type, without parameters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::OpenMetrics => "application/openmetrics-text",
        }
    }

    /// The content type, with parameters.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// All numbers of the registry, as text.
    pub fn encode(self, registry: &Registry) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, registry)?;
        Ok(match self {
            Self::OpenMetrics => text,
            Self::Text => without_openmetrics(&text),
        })
    }
}

/// The library writes `OpenMetrics` alone. The older format has no mark for the end, no units, and
/// names a counter in its description as in its samples: with `_total`.
fn without_openmetrics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            let (name, help) = described.split_once(' ').unwrap_or((described, ""));
            let is_counter = lines.peek().is_some_and(|next| {
                next.strip_prefix("# TYPE ") == Some(&format!("{name} counter"))
            });
            let suffix = if is_counter { "_total" } else { "" };
            let _ = writeln!(plain, "# HELP {name}{suffix} {help}");
        } else if let Some(typed) = line.strip_prefix("# TYPE ") {
            let typed = match typed.strip_suffix(" counter") {
                Some(name) => format!("{name}_total counter"),
                None => typed.to_owned(),
            };
            let _ = writeln!(plain, "# TYPE {typed}");
        } else if !(line == "# EOF" || line.starts_with("# UNIT ")) {
            plain.push_str(line);
            plain.push('\n');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;

    #[test]
    fn both_formats_tell_the_same() {
        let mut registry = Registry::default();
        let labelled = registry.sub_registry_with_label(("queue".into(), "a\"\\\nb".into()));
        let counter: Counter = Counter::default();
        counter.inc();
        labelled.register("ends", "How many", counter);
        let gauge: Gauge = Gauge::default();
        registry.register("height", "How high", gauge);
        let openmetrics = "# HELP height How high.\n# TYPE height gauge\nheight 0\n\
            # HELP ends How many.\n# TYPE ends counter\nends_total{queue=\"a\\\"\\\\\\nb\"} 1\n# EOF\n";
        let text = "# HELP height How high.\n# TYPE height gauge\nheight 0\n\
            # HELP ends_total How many.\n# TYPE ends_total counter\n\
            ends_total{queue=\"a\\\"\\\\\\nb\"} 1\n";
        assert_eq!(
            MetricsFormat::OpenMetrics.encode(&registry).unwrap(),
            openmetrics
        );
        assert_eq!(MetricsFormat::Text.encode(&registry).unwrap(), text);
    }
}
