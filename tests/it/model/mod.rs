//! What the simulation's model claims about RabbitMQ: the same script of operations is run on the
//! model and on a real broker, and what is observed must be the same, step by step.

#[path = "../../sim/broker/mod.rs"]
#[allow(dead_code, reason = "the simulation uses the rest of it")]
mod broker;
#[path = "../../sim/random.rs"]
#[allow(dead_code, reason = "the simulation uses the rest of it")]
mod random;

/// The tests with scripts that chance writes.
mod chance;
/// The tests with scripts written by hand, one for each claim.
mod claims;
/// Messages that lie aside, and then reach the work queue.
mod delays;
/// Killed and restarted brokers, and those that are short of memory.
mod faults;
/// What a broker refuses: what is too large, what nobody may, what takes too long.
mod limits;
/// A client of the model.
mod modelled;
/// A client of a real broker.
mod real;
/// Answers straight to the channel that asked.
mod replies;

use crate::env::{Broker, Version, left_out};
use broker::DIRECT_REPLY;
use broker::method::{ChannelId, Request};
use broker::{Series, Settings};
use modelled::Modelled;
use real::Real;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The body of every answer.
const ANSWER: &str = "answer";

/// One step of a script. Each client has a connection with one channel.
#[derive(Clone, Debug)]
enum Step {
    /// A client asks for something.
    Ask(ChannelId, Request),
    /// It answers what it was handed by this tag, straight to the channel that asked.
    Answer(ChannelId, u64),
    /// It leaves without a word.
    Leave(ChannelId),
    /// Something happens to the broker.
    Trouble(Trouble),
}

/// What happens to the broker.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// `kill -9`, and a start.
    Killed,
    /// An orderly stop, and a start.
    Restarted,
    /// It is short of memory.
    Alarm,
    /// It is so no more.
    AlarmOver,
}

/// A model and a real broker, to which the same happens.
struct Comparison<'b> {
    /// None: it is of a series that the model does not know.
    real: Option<Real<'b>>,
    model: Modelled,
    told: String,
}

impl<'b> Comparison<'b> {
    fn new(broker: &'b Broker) -> Self {
        Self::with(broker, broker.first_url(), |_| {})
    }

    /// With clients that connect to this URL, and a broker that is set up like that.
    fn with(broker: &'b Broker, url: &str, set_up: impl FnOnce(&mut Settings)) -> Self {
        let series = series(broker);
        if series.is_none() {
            left_out(broker.version(), "the model knows 3.10, 4.0 and 4.3");
        }
        let real = series.map(|_| Real::new(broker, url));
        let mut settings = Settings::new(series.unwrap_or(Series::V4_3));
        set_up(&mut settings);
        let told = format!("on {:?}:\n", settings.series);
        let model = Modelled::new(settings);
        Self { real, model, told }
    }

    /// Runs a step on both, fails where they differ, and tells what was observed.
    fn step(&mut self, step: &Step) -> Vec<String> {
        let Some(real) = &mut self.real else {
            return Vec::new();
        };
        writeln!(self.told, "{step:?}").unwrap();
        let expected = self.model.run(step);
        let seen = real.run(step, &expected);
        assert!(
            seen == expected,
            "the model differs from RabbitMQ in the last step of this script, {}\n\nRabbitMQ: \
             {seen:#?}\n\nmodel: {expected:#?}",
            self.told
        );
        writeln!(self.told, "    {seen:?}").unwrap();
        seen
    }

    /// The model has this queue, too, which was made before.
    fn make_known(&mut self, queue: &str) {
        self.model.make_known(queue);
    }

    /// Runs a script: each request with the number of its client.
    fn run(&mut self, steps: impl IntoIterator<Item = (ChannelId, Request)>) {
        for (client, request) in steps {
            self.step(&Step::Ask(client, request));
        }
    }
}

/// How a delivery is told: the tag, the mark, the body, and what brokers write into headers.
fn delivery(
    tag: u64,
    redelivered: bool,
    body: &[u8],
    headers: &BTreeMap<String, String>,
) -> String {
    let mark = if redelivered { " again" } else { "" };
    let body = String::from_utf8_lossy(body);
    let headers = headers.iter().map(|(name, value)| match name.as_str() {
        "x-death" => name.clone(),
        _ => format!("{name}={value}"),
    });
    let headers: Vec<String> = headers.filter(|header| header.len() < 100).collect();
    format!("delivered {tag}{mark}: {body} {headers:?}")
}

/// Joint confirms, told one by one.
#[derive(Default)]
struct Published {
    count: u64,
    open: BTreeSet<u64>,
}

impl Published {
    fn publish(&mut self) {
        self.count += 1;
        self.open.insert(self.count);
    }

    fn settle(&mut self, tag: u64, multiple: bool, what: &str) -> Vec<String> {
        let first = if multiple { 0 } else { tag };
        let settled: Vec<u64> = self.open.range(first..=tag).copied().collect();
        for tag in &settled {
            self.open.remove(tag);
        }
        let told = settled.iter().map(|tag| format!("{what} {tag}"));
        told.collect()
    }
}

/// How the address of a publish is told: no two brokers write those of channels alike.
fn address(to: &str) -> &str {
    let direct = to.starts_with(DIRECT_REPLY);
    if direct { "the channel that asked" } else { to }
}

/// The series of a broker, if the model knows it.
fn series(broker: &Broker) -> Option<Series> {
    match broker.version() {
        Version(3, 10, _) => Some(Series::V3_10),
        Version(4, 0, _) => Some(Series::V4_0),
        Version(4, 3, _) => Some(Series::V4_3),
        Version(..) => None,
    }
}
