//! How a bulk send went, as a whole.

use super::reporter::{Reporter, SendCounts};
use super::unsent::Unsent;
use crate::base::duration::milliseconds;
use crate::output::Fields;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// Tells how many were sent and what became of them.
pub(super) fn summarize(reporter: &mut Reporter<'_>, sent: u64, took: Duration) {
    let counts = reporter.counts;
    let mut line = format!(
        "sent {sent}, confirmed {}, failed {}",
        counts.confirmed, counts.failed
    );
    if counts.not_sent > 0 {
        let _ = write!(line, ", not sent {}", counts.not_sent);
    }
    if reporter.wait {
        let _ = write!(
            line,
            "; outcomes: done {}, failed {}, unanswered {}",
            counts.done, counts.undone, counts.unanswered
        );
    }
    if let Some((written @ 1.., file)) = reporter.unsent.as_ref().map(Unsent::written) {
        let _ = write!(line, "; the {written} unconfirmed are in {file}");
    }
    reporter.report.line_on_stderr(&line);
    let fields = || summary_fields(counts, sent, took, reporter.wait);
    reporter.report.event("summary", || None, fields);
    reporter.report.flush();
}

fn summary_fields(counts: SendCounts, sent: u64, took: Duration, wait: bool) -> Fields {
    let mut fields = Fields::new();
    let mut insert = |name: &str, count: u64| fields.insert(name.to_owned(), json!(count));
    insert("sent", sent);
    insert("confirmed", counts.confirmed);
    insert("failed", counts.failed);
    insert("not_sent", counts.not_sent);
    if wait {
        insert("outcomes_done", counts.done);
        insert("outcomes_failed", counts.undone);
        insert("outcomes_unanswered", counts.unanswered);
    }
    insert("duration_ms", milliseconds(took));
    fields
}
