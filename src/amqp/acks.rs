//! Which deliveries of a channel are settled, so that one frame can acknowledge several.
//!
//! `basic.ack` with `multiple` acknowledges all deliveries up to its tag. So it may only be sent
//! for a tag up to which every delivery has its outcome: the broker must keep one that has
//! none.

use std::collections::VecDeque;

/// One frame: the tag that it settles, and whether it settles all before it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AckFrame<T> {
    pub(super) delivery: T,
    pub(super) multiple: bool,
}

/// The deliveries of one channel, in order. The broker counts their tags up from 1.
#[derive(Debug)]
pub(super) struct AckOrder<T> {
    /// The deliveries from the first that is not settled; `None` for those that are.
    open: VecDeque<Option<T>>,
    /// The tag that the first of these has.
    first: u64,
}

impl<T> Default for AckOrder<T> {
    fn default() -> Self {
        let open = VecDeque::new();
        Self { open, first: 0 }
    }
}

impl<T> AckOrder<T> {
    /// A delivery with this tag has come.
    pub(super) fn delivered(&mut self, tag: u64, delivery: T) {
        if self.open.is_empty() {
            self.first = tag;
        }
        // Tags that were left out belong to deliveries that need no settling.
        let position = self.position(tag).unwrap_or(0);
        while self.open.len() < position {
            self.open.push_back(None);
        }
        self.open.push_back(Some(delivery));
    }

    /// The delivery with this tag needs no acknowledgement any more. `None`: it needed none.
    pub(super) fn settle(&mut self, tag: u64) -> Option<T> {
        let position = self.position(tag)?;
        let delivery = self.open.get_mut(position)?.take();
        while let Some(None) = self.open.front() {
            self.open.pop_front();
            self.first += 1;
        }
        delivery
    }

    /// Settles those of these deliveries that are not settled yet. Returns the frames that tell the
    /// broker, in the order of their tags.
    pub(super) fn acknowledge(&mut self, mut tags: Vec<u64>) -> Acknowledged<T> {
        tags.sort_unstable();
        let settle = |tag| Some((tag, self.settle(tag)?));
        let mut together: Vec<(u64, T)> = tags.into_iter().filter_map(settle).collect();
        let all_before = if self.open.is_empty() {
            u64::MAX
        } else {
            self.first
        };
        let count = together.len();
        let at = together.partition_point(|(tag, _)| *tag < all_before);
        let single = together.split_off(at);
        let multiple = together.len() > 1;
        let last = together
            .pop()
            .map(|(_, delivery)| AckFrame { delivery, multiple });
        let single = single.into_iter().map(|(_, delivery)| AckFrame {
            delivery,
            multiple: false,
        });
        let frames = last.into_iter().chain(single).collect();
        Acknowledged { count, frames }
    }

    /// Whether nothing is left to be settled.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn position(&self, tag: u64) -> Option<usize> {
        usize::try_from(tag.checked_sub(self.first)?).ok()
    }
}

/// What [`AckOrder::acknowledge`] has settled.
pub(super) struct Acknowledged<T> {
    /// How many deliveries.
    pub(super) count: usize,
    /// What is to be sent.
    pub(super) frames: Vec<AckFrame<T>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(tags: std::ops::RangeInclusive<u64>) -> AckOrder<u64> {
        let mut order = AckOrder::default();
        tags.for_each(|tag| order.delivered(tag, tag));
        order
    }

    fn acknowledge(order: &mut AckOrder<u64>, tags: &[u64]) -> Vec<(u64, bool)> {
        let acknowledged = order.acknowledge(tags.to_vec());
        let frames = acknowledged.frames.iter();
        frames.map(|ack| (ack.delivery, ack.multiple)).collect()
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
        assert_eq!(order.settle(2), Some(2));
        assert_eq!(acknowledge(&mut order, &[3, 1]), [(3, true)]);
        order.delivered(4, 4);
        assert_eq!(order.settle(4), Some(4));
        assert_eq!(order.settle(4), None);
        order.delivered(5, 5);
        assert_eq!(acknowledge(&mut order, &[5]), [(5, false)]);
    }

    #[test]
    fn what_is_settled_is_not_settled_again() {
        let mut order = delivered(1..=3);
        assert_eq!(acknowledge(&mut order, &[1, 2]), [(2, true)]);
        assert_eq!(acknowledge(&mut order, &[1, 2, 9]), []);
        assert_eq!(order.acknowledge(vec![3, 3]).count, 1);
        assert!(order.is_empty());
    }

    #[test]
    fn tags_that_were_left_out_count_as_settled() {
        let mut order = delivered(3..=3);
        order.delivered(6, 6);
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
                for frame in order.acknowledge(batch).frames {
                    let unacked = (1..=frame.delivery).filter(|tag| !acked.contains(tag));
                    let meant: Vec<u64> = unacked
                        .filter(|tag| frame.multiple || *tag == frame.delivery)
                        .collect();
                    assert!(meant.iter().all(|tag| !open.contains(tag)), "seed {seed}");
                    assert!(meant.contains(&frame.delivery), "seed {seed}");
                    acked.extend(meant);
                }
            }
            acked.sort_unstable();
            assert_eq!(acked, [1, 2, 3, 4, 5], "seed {seed}");
        }
    }
}
