//! Tells of results that are missing, come twice, or are left to another command.

use super::reporter::Reporter;
use crate::amqp::AckToken;
use crate::base::escape::escape;
use crate::base::fault::Fault;
use crate::queues::{DEFAULT_QUEUE, ResultsName};
use serde_json::json;

/// How many ids are named when outcomes do not come.
const IDS_SHOWN: usize = 10;

impl Reporter<'_> {
    /// A result that came before, over another channel perhaps.
    pub(super) fn came_again(&mut self, number: u64, token: AckToken) {
        let needless = self.outcomes.renew(number, token).unwrap_or(token);
        self.outcomes.written().push(needless);
    }

    /// `left` results are left to another command; `is_noted`: their number is noted for it.
    pub(super) fn left(&mut self, name: &ResultsName, left: u64, is_noted: bool) {
        self.counts.unanswered += left;
        self.still_to_collect(name, left);
        if !is_noted {
            self.warn("their number could not be noted, so --collect will not end by itself");
        }
    }

    /// `left` results can be collected by another command.
    pub(super) fn still_to_collect(&self, name: &ResultsName, left: u64) {
        let results = match left {
            1 => "1 result is".to_owned(),
            _ => format!("{left} results are"),
        };
        let queue = match self.queue.name.as_str() {
            DEFAULT_QUEUE => String::new(),
            _ => format!(" -q {}", self.queue.name),
        };
        self.warn(&format!(
            "{results} still to be collected: new_task{queue} --collect {name}"
        ));
    }

    /// Results come straight to the channel.
    pub(super) fn no_results_queue(&self, fault: &Fault) {
        self.note(&format!(
            "{fault}; without a results queue, results are lost if the connection breaks"
        ));
    }

    /// The queue of the results is gone.
    pub(super) fn results_lost(&self) {
        self.warn("the results queue was deleted");
    }

    /// These tasks are in the queue, and their results will not come: numbers and ids.
    pub(super) fn unanswered(&mut self, tasks: &[(u64, String)]) -> Result<(), Fault> {
        self.counts.unanswered += tasks.len() as u64;
        let mut ids: Vec<_> = tasks
            .iter()
            .take(IDS_SHOWN)
            .map(|(_, id)| escape(id.as_bytes()))
            .collect();
        if tasks.len() > IDS_SHOWN {
            ids.push(format!("and {} more", tasks.len() - IDS_SHOWN));
        }
        match tasks.len() {
            1 => self.warn(&format!(
                "the task is in the queue; its result will not arrive here: {}",
                ids.join("")
            )),
            count => {
                self.warn(&format!(
                    "{count} tasks are in the queue; their results will not arrive here"
                ));
                self.bar
                    .suspend(|| self.report.detail(&format!("these are {}", ids.join(", "))));
            }
        }
        for (number, id) in tasks {
            let fields = || json!({ "id": id, "outcome": "unanswered" });
            self.report.silent("result", fields);
            self.outcome(*number, None)?;
        }
        self.report.flush();
        Ok(())
    }
}
