//! One connection on its way through the network: bytes leave at a rate, and arrive in order.

use super::Port;
use crate::broker::Time;
use crate::broker::method::{Publish, Request};
use crate::random::Random;
use std::collections::VecDeque;
use std::time::Duration;

/// So much the systems on both ends take although nobody reads it.
const BUFFERS: u64 = 200_000;

/// How often progress is looked at while bytes leave.
const PROGRESS: Duration = Duration::from_millis(500);

/// A connection.
pub struct Wire {
    pub port: Port,
    /// Whether what the broker says reaches the client.
    pub is_heard: bool,
    /// It was cut: when the client notices that.
    pub noticed: Option<Time>,
    /// When the client learns that it stands.
    pub stands_from: Time,
    /// Bytes a second that leave; none: all at once.
    rate: Option<u64>,
    latency: Duration,
    last_up: Time,
    last_down: Time,
    /// How many requests were sent.
    sent: u64,
    /// Those from here on never arrive.
    lost_from: u64,
    /// What has not arrived for certain: number and time of arrival.
    under_way: VecDeque<(u64, Time)>,
    leaving: Leaving,
}

/// Bytes that leave.
#[derive(Default)]
struct Leaving {
    /// When each part begins and ends to leave, and how many bytes have left in all by then.
    parts: VecDeque<(Time, Time, u64)>,
    handed_over: u64,
    left: u64,
    /// Nobody reads: no more than this leaves.
    most: Option<u64>,
}

impl Wire {
    pub fn new(port: Port, rate: Option<u64>, latency: Duration, now: Time) -> Self {
        Self {
            port,
            is_heard: true,
            noticed: None,
            stands_from: now,
            rate,
            latency,
            last_up: now,
            last_down: now,
            sent: 0,
            lost_from: u64::MAX,
            under_way: VecDeque::new(),
            leaving: Leaving::default(),
        }
    }

    /// When this request arrives, and its number.
    pub fn next_up(&mut self, now: Time, request: &Request, random: &mut Random) -> (Time, u64) {
        let bytes = size(request);
        let begins = self
            .leaving
            .parts
            .back()
            .map_or(now, |(_, ends, _)| now.max(*ends));
        let takes = self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_micros(bytes.saturating_mul(1_000_000) / rate.max(1))
        });
        let ends = begins + takes;
        self.leaving.handed_over += bytes;
        let part = (begins, ends, self.leaving.handed_over);
        self.leaving.parts.push_back(part);
        let jitter = Duration::from_micros(random.below(300));
        self.last_up = self.last_up.max(ends + self.latency + jitter);
        self.sent += 1;
        while self.under_way.front().is_some_and(|(_, at)| *at <= now) {
            self.under_way.pop_front();
        }
        self.under_way.push_back((self.sent, self.last_up));
        (self.last_up, self.sent)
    }

    /// When what comes behind all that was sent arrives.
    pub fn last_up(&mut self, now: Time) -> (Time, u64) {
        (self.last_up.max(now + self.latency), 0)
    }

    /// When what the broker says now is heard.
    pub fn next_down(&mut self, now: Time, random: &mut Random) -> Time {
        let jitter = Duration::from_micros(random.below(300));
        self.last_down = self.last_down.max(now + self.latency + jitter);
        self.last_down
    }

    /// Whether the request of this number arrives.
    pub fn carries(&self, number: u64) -> bool {
        number < self.lost_from
    }

    /// Of what is under way some is lost, from some request on.
    pub fn lose_some(&mut self, random: &mut Random) {
        let kept = random.index(self.under_way.len() + 1);
        if let Some((number, _)) = self.under_way.get(kept) {
            self.lost_from = self.lost_from.min(*number);
        }
    }

    /// How many bytes have left, and when to look again, if some have not.
    pub fn written(&mut self, now: Time) -> (u64, Option<Time>) {
        let leaving = &mut self.leaving;
        while let Some((_, ends, total)) = leaving.parts.front() {
            if *ends > now {
                break;
            }
            leaving.left = *total;
            leaving.parts.pop_front();
        }
        let mut left = leaving.left;
        if let Some((begins, ends, total)) = leaving.parts.front() {
            let (all, gone) = (
                ends.saturating_sub(*begins).as_micros(),
                now.saturating_sub(*begins),
            );
            let part = u128::from(total - leaving.left) * gone.as_micros();
            left += part
                .checked_div(all)
                .map_or(0, |part| u64::try_from(part).unwrap_or(0));
        }
        let next = leaving
            .parts
            .front()
            .map(|(_, ends, _)| (*ends).min(now + PROGRESS));
        match leaving.most {
            Some(most) if most < left => (most, None),
            Some(_) | None => (left, next),
        }
    }

    /// Nobody reads at the other end.
    pub fn stall(&mut self, now: Time) {
        let (left, _) = self.written(now);
        self.leaving.most.get_or_insert(left + BUFFERS);
    }

    /// Somebody does again.
    pub fn flow(&mut self, _: Time) {
        self.leaving.most = None;
    }
}

fn size(request: &Request) -> u64 {
    const FRAME: u64 = 40;
    match request {
        Request::Publish(publish) => {
            let Publish { task, to, .. } = publish;
            let headers = task.properties.header_len();
            FRAME + (task.body.len() + headers + to.len()) as u64
        }
        _ => FRAME,
    }
}
