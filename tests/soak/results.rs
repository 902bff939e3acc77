//! Results that were kept in the broker through all trouble: each task has one.

use super::call::Call;
use super::diary::Diary;
use super::lane::Lane;
use super::site::Site;
use crate::env::command;
use std::collections::BTreeSet;

/// Collects all results of a lane.
pub(super) fn collect_all(site: &Site, lane: &Lane, diary: &Diary) {
    let (mut tasks, mut results) = (0, 0);
    for (name, count) in lane.results() {
        let mut command = command("new_task");
        command.args(["--url", &site.broker.url, "--queue", &lane.queue]);
        command.args(["--collect", &name, "--wait-timeout", "60s"]);
        command.args(["--log-format", "json"]);
        let call = Call::make(command, None, &format!("{}-collector", lane.queue), diary);
        let came = call
            .events
            .iter()
            .filter(|event| event["event"] == "result");
        let came: Vec<_> = came.map(|event| event["id"].to_string()).collect();
        let distinct: BTreeSet<_> = came.iter().collect();
        if ![0, 1].contains(&call.code) || came.len() != count || distinct.len() != count {
            diary.wrong(&format!(
                "results {name}: {count} tasks, {} results, {} of them distinct, exit code {}: {}",
                came.len(),
                distinct.len(),
                call.code,
                call.said
            ));
        }
        tasks += count;
        results += came.len();
    }
    diary.note(&format!(
        "{}: {results} results of {tasks} tasks were kept and collected",
        lane.queue
    ));
}
