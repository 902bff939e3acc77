//! Publisher confirms of one channel, joined and reordered as RabbitMQ does.

use super::method::{Reply, Verdict};
use std::collections::BTreeSet;

/// What was published on a channel in confirm mode, and not yet confirmed.
#[derive(Debug, Default)]
pub struct Confirms {
    published: u64,
    unconfirmed: BTreeSet<u64>,
    /// Settled, and not told yet.
    settled: Vec<(u64, Verdict)>,
}

impl Confirms {
    /// Gives the next publish its tag.
    pub fn published(&mut self) -> u64 {
        self.published += 1;
        self.unconfirmed.insert(self.published);
        self.published
    }

    pub fn settle(&mut self, tag: u64, verdict: Verdict) {
        if self.unconfirmed.remove(&tag) {
            self.settled.push((tag, verdict));
        }
    }

    /// What is told now: first the confirmed, then the refused; of both what lies below all that is
    /// undecided or decided otherwise with one `multiple`, the rest one by one.
    pub fn tell(&mut self) -> Vec<Reply> {
        let mut settled = std::mem::take(&mut self.settled);
        settled.sort_unstable_by_key(|(tag, _)| *tag);
        let of = |verdict: Verdict| {
            let tags = settled.iter().filter(move |(_, found)| *found == verdict);
            tags.map(|(tag, _)| *tag).collect::<Vec<u64>>()
        };
        let (acked, nacked) = (of(Verdict::Ack), of(Verdict::Nack));
        let mut replies = match acked[..] {
            [tag] => vec![Reply::Confirmed {
                tag,
                multiple: false,
                verdict: Verdict::Ack,
            }],
            _ => self.joined(&acked, Verdict::Ack, nacked.first()),
        };
        replies.extend(self.joined(&nacked, Verdict::Nack, acked.first()));
        replies
    }

    fn joined(&self, tags: &[u64], verdict: Verdict, otherwise: Option<&u64>) -> Vec<Reply> {
        let undecided = self.unconfirmed.first().copied().unwrap_or(u64::MAX);
        let cutoff = otherwise.map_or(undecided, |tag| undecided.min(*tag));
        let (joint, single) = tags.split_at(tags.partition_point(|tag| *tag < cutoff));
        let joint = joint.last().map(|tag| (*tag, true));
        let single = single.iter().map(|tag| (*tag, false));
        let confirmed = |(tag, multiple)| Reply::Confirmed {
            tag,
            multiple,
            verdict,
        };
        joint.into_iter().chain(single).map(confirmed).collect()
    }
}
