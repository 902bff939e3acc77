//! How a bulk send went, as a whole.

use super::pending::InputCounts;
use super::reporter::Reporter;
use super::unsent::Unsent;
use crate::base::duration::milliseconds;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

/// Tells how many were sent and what became of them.
pub(super) fn summarize(reporter: &mut Reporter<'_>, input: InputCounts, took: Duration) {
    let counts = reporter.counts;
    let (sent, skipped) = (input.taken, input.skipped);
    let mut line = format!(
        "sent {sent}, confirmed {}, failed {}",
        counts.confirmed, counts.failed
    );
    if counts.not_sent > 0 {
        let _ = write!(line, ", not sent {}", counts.not_sent);
    }
    if skipped > 0 {
        let _ = write!(line, ", skipped {skipped}");
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
    reporter.report.silent("summary", || {
        let mut fields = json!({
            "sent": sent,
            "confirmed": counts.confirmed,
            "failed": counts.failed,
            "not_sent": counts.not_sent,
        });
        if skipped > 0 {
            fields["skipped"] = json!(skipped);
        }
        if reporter.wait {
            fields["outcomes_done"] = json!(counts.done);
            fields["outcomes_failed"] = json!(counts.undone);
            fields["outcomes_unanswered"] = json!(counts.unanswered);
        }
        fields["duration_ms"] = json!(milliseconds(took));
        fields
    });
    reporter.report.flush();
}
