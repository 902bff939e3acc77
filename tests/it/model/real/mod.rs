//! A real broker and its clients: asks, and waits for as much as the model saw.

mod client;
mod words;

use super::broker::method::ChannelId;
use super::{Step, Trouble};
use crate::env::{Broker, DEADLINE, wait_for};
use client::Client;
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

pub struct Real<'b> {
    broker: &'b Broker,
    url: String,
    clients: BTreeMap<ChannelId, Client>,
}

impl Drop for Real<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // To leave a broker that blocks takes for ever.
            std::mem::forget(std::mem::take(&mut self.clients));
        }
    }
}

impl<'b> Real<'b> {
    pub fn new(broker: &'b Broker, url: &str) -> Self {
        Self {
            broker,
            url: url.to_owned(),
            clients: BTreeMap::new(),
        }
    }

    /// Runs a step, and tells what all clients observed, until it is as much as is expected.
    pub fn run(&mut self, step: &Step, expected: &[String]) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.run_once(step, expected.len(), deadline);
            // A queue counts a moment later.
            let counts = seen.iter().all(|text| text.ends_with(" ready"));
            if !counts || seen == expected || Instant::now() > deadline {
                return seen;
            }
        }
    }

    fn run_once(&mut self, step: &Step, expected: usize, deadline: Instant) -> Vec<String> {
        let mut seen = Vec::new();
        match step {
            Step::Ask(number, request) => {
                let told = self.client(*number).ask(request);
                self.note(*number, told, &mut seen);
            }
            Step::Answer(number, tag) => {
                let told = self.client(*number).answer(*tag);
                self.note(*number, told, &mut seen);
            }
            Step::Leave(number) => {
                if let Some(client) = self.clients.remove(number) {
                    client.leave();
                }
            }
            Step::Trouble(trouble) => self.trouble(*trouble, &mut seen),
        }
        loop {
            self.look(&mut seen);
            if seen.len() >= expected || Instant::now() > deadline {
                seen.sort();
                return seen;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn client(&mut self, number: ChannelId) -> &mut Client {
        let url = &self.url;
        let client = self.clients.entry(number);
        client.or_insert_with(|| Client::new(url))
    }

    fn trouble(&mut self, trouble: Trouble, seen: &mut Vec<String>) {
        match trouble {
            Trouble::Killed => {
                self.broker.script("kill");
                // What they learn of it differs with the moment.
                self.clients.clear();
                self.broker.script("start");
            }
            Trouble::Restarted => {
                self.broker.ctl(&["-q", "stop_app"]);
                while !self.clients.is_empty() {
                    self.look(seen);
                }
                self.broker.ctl(&["-q", "start_app"]);
                self.broker.ctl(&["-q", "await_startup"]);
            }
            Trouble::Alarm => self.set_memory("0.00001", "[]"),
            Trouble::AlarmOver => self.set_memory("0.4", ""),
        }
    }

    /// Sets how much of the memory the broker may take, and waits for what it tells of alarms.
    fn set_memory(&self, share: &str, unless: &str) {
        let set = ["-q", "set_vm_memory_high_watermark", share];
        self.broker.ctl(&set);
        wait_for("the alarm to begin or end", || {
            let alarms = self
                .broker
                .ctl(&["-q", "eval", "rabbit_alarm:get_alarms()."]);
            let is_so = (alarms.trim() == "[]") == unless.is_empty();
            is_so.then_some(())
        });
    }

    /// Notes what a client was told at once.
    fn note(&mut self, number: ChannelId, told: Vec<String>, seen: &mut Vec<String>) {
        if told.iter().any(|text| text.starts_with("closed")) {
            self.clients.remove(&number);
        }
        seen.extend(told.into_iter().map(|text| format!("{number}: {text}")));
    }

    fn look(&mut self, seen: &mut Vec<String>) {
        let mut gone = Vec::new();
        for (number, client) in &mut self.clients {
            for text in client.look() {
                if text.starts_with("closed") {
                    gone.push(*number);
                }
                seen.push(format!("{number}: {text}"));
            }
        }
        for number in gone {
            self.clients.remove(&number);
        }
    }
}
