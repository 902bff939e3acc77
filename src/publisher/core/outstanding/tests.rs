use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn published(count: u64) -> Outstanding<u64> {
    let mut outstanding = Outstanding::default();
    for tag in 1..=count {
        assert_eq!(outstanding.published(tag), tag);
    }
    outstanding
}

fn settle(outstanding: &mut Outstanding<u64>, tag: u64, multiple: bool) -> Vec<u64> {
    let mut settled = Vec::new();
    outstanding.settle(tag, multiple, |item| settled.push(item));
    settled
}

#[test]
fn single_confirms_settle_in_any_order() {
    let mut outstanding = published(3);
    assert_eq!(settle(&mut outstanding, 2, false), [2]);
    assert_eq!(settle(&mut outstanding, 3, false), [3]);
    assert_eq!(outstanding.len(), 1);
    assert_eq!(settle(&mut outstanding, 1, false), [1]);
    assert!(outstanding.is_empty());
    assert_eq!(outstanding.published(4), 4);
}

#[test]
fn multiple_settles_only_what_is_still_open() {
    let mut outstanding = published(5);
    assert_eq!(settle(&mut outstanding, 2, false), [2]);
    assert_eq!(settle(&mut outstanding, 4, true), [1, 3, 4]);
    assert_eq!(settle(&mut outstanding, 5, true), [5]);
    assert!(outstanding.is_empty());
}

#[test]
fn repeated_unknown_and_zero_tags_do_no_harm() {
    let mut outstanding = published(3);
    assert_eq!(settle(&mut outstanding, 1, false), [1]);
    assert!(settle(&mut outstanding, 1, false).is_empty());
    assert!(settle(&mut outstanding, 9, true).is_empty());
    assert!(settle(&mut outstanding, 0, false).is_empty());
    assert_eq!(settle(&mut outstanding, 0, true), [2, 3]);
    assert_eq!(outstanding.published(4), 4);
    assert_eq!(settle(&mut outstanding, 4, false), [4]);
}

#[test]
fn what_a_lost_channel_leaves_comes_back_in_order() {
    let mut outstanding = published(4);
    settle(&mut outstanding, 2, false);
    assert_eq!(outstanding.take_all(), [1, 3, 4]);
    assert!(outstanding.is_empty());
}

#[test]
fn what_is_taken_out_leaves_the_tags_of_the_others_alone() {
    let mut outstanding = published(5);
    assert_eq!(outstanding.take_if(|item| item % 2 == 1), [1, 3, 5]);
    assert_eq!(outstanding.len(), 2);
    assert_eq!(outstanding.last(), None);
    assert_eq!(outstanding.published(6), 6);
    assert_eq!(settle(&mut outstanding, 5, true), [2, 4]);
    assert_eq!(settle(&mut outstanding, 6, false), [6]);
    assert!(outstanding.is_empty());
}

/// The broker may still close the channel over one that was taken out, until it has confirmed it.
#[test]
fn one_is_alone_if_the_broker_can_speak_of_no_other() {
    let mut outstanding = published(1);
    assert!(outstanding.is_alone());
    for (tag, multiple) in [(1, false), (2, true), (0, true)] {
        let mut outstanding = published(3);
        outstanding.take_if(|item| *item < 3);
        assert!(!outstanding.is_alone() && outstanding.has_taken_out());
        settle(&mut outstanding, tag, multiple);
        let all = multiple;
        assert_eq!(outstanding.has_taken_out(), !all, "{tag}");
    }
    outstanding.take_if(|_| true);
    outstanding.published(2);
    assert!(!outstanding.is_alone());
    outstanding.take_all();
    outstanding.published(3);
    assert!(outstanding.is_alone());
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Confirm { tag: u64, multiple: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u8..20).prop_map(Step::Publish),
        (0_u64..60, any::<bool>()).prop_map(|(tag, multiple)| Step::Confirm { tag, multiple }),
    ]
}

proptest! {
    /// Whatever the broker confirms in whatever order, each publish is settled exactly when a
    /// plain set of open tags says so, and never twice.
    #[test]
    fn it_agrees_with_a_set_of_tags(steps in proptest::collection::vec(step(), 0..40)) {
        let mut outstanding = Outstanding::default();
        let (mut open, mut next) = (BTreeSet::new(), 1_u64);
        for step in steps {
            match step {
                Step::Publish(count) => for _ in 0..count {
                    prop_assert_eq!(outstanding.published(next), next);
                    open.insert(next);
                    next += 1;
                },
                Step::Confirm { tag, multiple } => {
                    let meant: Vec<u64> = open.iter().copied().filter(|&candidate| {
                        // A tag that was never given settles nothing, also with `multiple`.
                        candidate == tag || multiple && (tag == 0 || candidate < tag && tag < next)
                    }).collect();
                    prop_assert_eq!(&settle(&mut outstanding, tag, multiple), &meant);
                    for tag in meant {
                        open.remove(&tag);
                    }
                }
            }
            prop_assert_eq!(outstanding.len(), open.len());
        }
        prop_assert_eq!(outstanding.take_all(), open.into_iter().collect::<Vec<_>>());
    }
}
