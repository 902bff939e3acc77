//! Which deliveries of a channel are settled, so that one frame can acknowledge several.
//!
//! `basic.ack` with `multiple` acknowledges all deliveries up to its tag. So it may only be sent
//! for a tag up to which nothing is unfinished: a delivery without an outcome must stay the
//! broker's.

use std::collections::VecDeque;

/// One frame: the tag, and whether all up to it are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AckFrame {
    pub(super) tag: u64,
    pub(super) multiple: bool,
}

/// The deliveries of one channel, in order. The broker counts their tags up from 1.
#[derive(Debug, Default)]
pub(super) struct AckOrder {
    /// Whether each delivery is settled, from the first that is not.
    settled: VecDeque<bool>,
    /// The tag that the first of these has.
    first: u64,
}

impl AckOrder {
    /// A delivery with this tag has come.
    pub(super) fn delivered(&mut self, tag: u64) {
        if self.settled.is_empty() {
            self.first = tag;
        }
        // Tags that were left out belong to deliveries that need no settling.
        let position = self.position(tag).unwrap_or(0);
        while self.settled.len() < position {
            self.settled.push_back(true);
        }
        self.settled.push_back(false);
    }

    /// The delivery with this tag needs no acknowledgement any more.
    pub(super) fn settle(&mut self, tag: u64) {
        if let Some(settled) = self.position(tag).and_then(|at| self.settled.get_mut(at)) {
            *settled = true;
        }
        while self.settled.front() == Some(&true) {
            self.settled.pop_front();
            self.first += 1;
        }
    }

    /// Settles the deliveries with these `tags`, which are sorted; the frames that tell the broker
    /// so, sorted as well.
    pub(super) fn acknowledge<'a>(
        &mut self,
        tags: &'a [u64],
    ) -> impl Iterator<Item = AckFrame> + use<'a> {
        for tag in tags {
            self.settle(*tag);
        }
        let all_before = if self.settled.is_empty() {
            u64::MAX
        } else {
            self.first
        };
        let together = tags.partition_point(|tag| *tag < all_before);
        let (together, single) = tags.split_at(together);
        let last = together.last().map(|tag| AckFrame {
            tag: *tag,
            multiple: together.len() > 1,
        });
        let single = single.iter().map(|tag| AckFrame {
            tag: *tag,
            multiple: false,
        });
        last.into_iter().chain(single)
    }

    fn position(&self, tag: u64) -> Option<usize> {
        usize::try_from(tag.checked_sub(self.first)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(tags: std::ops::RangeInclusive<u64>) -> AckOrder {
        let mut order = AckOrder::default();
        tags.for_each(|tag| order.delivered(tag));
        order
    }

    fn acknowledge(order: &mut AckOrder, tags: &[u64]) -> Vec<(u64, bool)> {
        let mut tags = tags.to_vec();
        tags.sort_unstable();
        let frames = order.acknowledge(&tags);
        frames.map(|ack| (ack.tag, ack.multiple)).collect()
    }

    #[test]
    fn those_before_all_others_go_together() {
        let mut order = delivered(1..=4);
        assert_eq!(acknowledge(&mut order, &[3, 1, 2]), [(3, true)]);
        assert_eq!(acknowledge(&mut order, &[4]), [(4, false)]);
    }

    #[test]
    fn what_is_unfinished_is_never_acknowledged() {
        let mut order = delivered(1..=6);
        assert_eq!(
            acknowledge(&mut order, &[6, 2, 1, 4]),
            [(2, true), (4, false), (6, false)]
        );
        assert_eq!(acknowledge(&mut order, &[5]), [(5, false)]);
        assert_eq!(acknowledge(&mut order, &[3]), [(3, false)]);
    }

    #[test]
    fn what_was_given_back_holds_up_nothing() {
        let mut order = delivered(1..=3);
        order.settle(2);
        assert_eq!(acknowledge(&mut order, &[3, 1]), [(3, true)]);
        order.delivered(4);
        order.settle(4);
        order.settle(4);
        order.delivered(5);
        assert_eq!(acknowledge(&mut order, &[5]), [(5, false)]);
    }

    #[test]
    fn tags_that_were_left_out_count_as_settled() {
        let mut order = delivered(3..=3);
        order.delivered(6);
        assert_eq!(acknowledge(&mut order, &[3, 6]), [(6, true)]);
    }

    /// All ways to settle five deliveries, one or two at a time: each is acknowledged once.
    #[test]
    fn each_delivery_is_acknowledged_exactly_once() {
        for seed in 0..3_000_usize {
            let mut order = delivered(1..=5);
            let mut open: Vec<u64> = (1..=5).collect();
            let mut acked: Vec<u64> = Vec::new();
            let mut choice = seed;
            while !open.is_empty() {
                let mut batch = Vec::new();
                for _ in 0..=(choice % 2).min(open.len() - 1) {
                    batch.push(open.remove(choice % open.len()));
                    choice = choice / 3 + 1;
                }
                batch.sort_unstable();
                for frame in order.acknowledge(&batch) {
                    let unacked = (1..=frame.tag).filter(|tag| !acked.contains(tag));
                    let meant: Vec<u64> = unacked
                        .filter(|tag| frame.multiple || *tag == frame.tag)
                        .collect();
                    assert!(meant.iter().all(|tag| !open.contains(tag)), "seed {seed}");
                    assert!(meant.contains(&frame.tag), "seed {seed}");
                    acked.extend(meant);
                }
            }
            acked.sort_unstable();
            assert_eq!(acked, [1, 2, 3, 4, 5], "seed {seed}");
        }
    }
}
