//! Reads the events a timeline is made of, and passes over all others.

use std::io::BufRead;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A point in time or a length of it, in milliseconds; as fine as events are.
pub type Millis = u64;

/// What happened to one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the Unix epoch.
    pub time: Millis,
    /// Host and process id, as the worker states them.
    pub worker: String,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The worker is ready for tasks.
    Waiting,
    /// A slot has begun a task.
    Received { slot: u64, id: String, body: String },
    /// The task is off the slot's hands.
    Ended { id: String, ending: Ending },
}

/// How a task's time in a slot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    Failed,
    /// No outcome: given back, or the worker died over it.
    Unfinished,
}

/// Reads one JSON object a line; the error names the first line that is none.
pub fn read(lines: impl BufRead) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for (index, line) in lines.split(b'\n').enumerate() {
        let line = line.context("cannot read")?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let event = parse(&line).with_context(|| format!("line {}", index + 1))?;
        events.extend(event);
    }
    Ok(events)
}

/// `None` is an event that a timeline does not show.
fn parse(line: &[u8]) -> Result<Option<Event>> {
    let event: Value = serde_json::from_slice(line).context("not a JSON event")?;
    let ended = |ending| -> Result<Kind> {
        let id = string(&event, "id")?.to_owned();
        Ok(Kind::Ended { id, ending })
    };
    let kind = match string(&event, "event")? {
        "waiting" => Kind::Waiting,
        "received" => received(&event)?,
        "done" => ended(Ending::Done)?,
        "failed" | "retried" | "dead_lettered" | "dropped" => ended(Ending::Failed)?,
        "returned" | "skipped" => ended(Ending::Unfinished)?,
        _ => return Ok(None),
    };
    Ok(Some(Event {
        time: time(&event)?,
        worker: string(&event, "worker")?.to_owned(),
        kind,
    }))
}

fn received(event: &Value) -> Result<Kind> {
    let slot = match event.get("slot") {
        None => 1,
        Some(slot) => slot.as_u64().context("`slot` is not a number")?,
    };
    // Bodies that are not UTF-8 come as `body_base64`, which tells nobody much.
    let body = match event.get("body") {
        None => "(binary)",
        Some(body) => body.as_str().context("`body` is not a string")?,
    };
    Ok(Kind::Received {
        slot,
        id: string(event, "id")?.to_owned(),
        body: body.to_owned(),
    })
}

fn time(event: &Value) -> Result<Millis> {
    let time = humantime::parse_rfc3339(string(event, "time")?).context("`time`")?;
    let Ok(since) = time.duration_since(UNIX_EPOCH) else {
        bail!("`time` is before 1970");
    };
    Millis::try_from(since.as_millis()).context("`time`")
}

fn string<'a>(event: &'a Value, key: &str) -> Result<&'a str> {
    let value = event.get(key).with_context(|| format!("no `{key}`"))?;
    value
        .as_str()
        .with_context(|| format!("`{key}` is not a string"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: &str = r#"{"time":"1970-01-01T00:00:01.500Z","event":"received",
        "worker":"host:7","slot":2,"id":"a","attempt":1,"redelivered":false,"body":"x.."}"#;

    fn error(line: &str) -> String {
        format!("{:#}", read(line.as_bytes()).unwrap_err())
    }

    #[test]
    fn a_received_task_keeps_what_is_drawn() {
        let event = parse(RECEIVED.as_bytes()).unwrap().unwrap();
        let kind = Kind::Received {
            slot: 2,
            id: "a".into(),
            body: "x..".into(),
        };
        assert_eq!(
            event,
            Event {
                time: 1500,
                worker: "host:7".into(),
                kind
            }
        );
    }

    #[test]
    fn empty_lines_and_other_events_are_passed_over() {
        let lines = "\n{\"event\":\"draining\"}\r\n  \n{\"event\":\"sent\",\"id\":\"a\"}\n";
        assert_eq!(read(lines.as_bytes()).unwrap(), []);
    }

    #[test]
    fn a_bad_line_is_named() {
        assert!(error("\n[*] Waiting\n").starts_with("line 2: not a JSON event: "));
        assert_eq!(error("[]"), "line 1: no `event`");
        assert_eq!(error(r#"{"event":"done"}"#), "line 1: no `id`");
        assert_eq!(
            error(r#"{"event":"waiting","time":3}"#),
            "line 1: `time` is not a string"
        );
        assert!(error(r#"{"event":"waiting","time":"noon"}"#).starts_with("line 1: `time`: "));
        assert!(error("\u{fffd}").starts_with("line 1: not a JSON event: "));
        assert!(read(&b"\xff\n"[..]).is_err());
    }
}
