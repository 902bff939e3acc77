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
/// A client of the model.
mod modelled;
/// A client of a real broker.
mod real;

use crate::env::Broker;
use broker::method::{ChannelId, Request};
use broker::{Series, Settings};
use modelled::Modelled;
use real::Real;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One step of a script: a client asks for something. Each client has a connection with one channel.
#[derive(Clone, Debug)]
enum Step {
    Ask(ChannelId, Request),
    /// The client leaves without a word.
    Leave(ChannelId),
}

/// A model and a real broker, to which the same happens.
struct Comparison {
    real: Real,
    model: Modelled,
    told: String,
}

impl Comparison {
    fn new(broker: &Broker) -> Self {
        let real = Real::new(broker.first_url());
        let model = Modelled::new(Settings::new(real.series()));
        let told = format!("on {:?}:\n", real.series());
        Self { real, model, told }
    }

    /// Runs a step on both, fails where they differ, and tells what was observed.
    fn step(&mut self, step: &Step) -> Vec<String> {
        writeln!(self.told, "{step:?}").unwrap();
        let expected = self.model.run(step);
        let seen = self.real.run(step, &expected);
        assert!(
            seen == expected,
            "the model differs from RabbitMQ in the last step of this script, {}\n\nRabbitMQ: \
             {seen:#?}\n\nmodel: {expected:#?}",
            self.told
        );
        writeln!(self.told, "    {seen:?}").unwrap();
        seen
    }
}

/// Runs the script on both, and fails where they differ.
fn compare(broker: &Broker, steps: &[Step]) {
    let mut comparison = Comparison::new(broker);
    for step in steps {
        comparison.step(step);
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

/// The series of a version of RabbitMQ.
fn series(version: &str) -> Series {
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(0..=3), _) => Series::V3_10,
        (Some(4), Some(0..=2)) => Series::V4_0,
        _ => Series::V4_3,
    }
}
