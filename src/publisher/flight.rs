//! What is under way on one channel, and what the broker said of it. Pure.

use super::faults;
use super::pending::Parcel;
use crate::confirms::{Outstanding, Verdict};
use crate::topology::WorkQueue;
use std::collections::HashSet;

/// Why the broker did not take a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Negatively acknowledged: the queue is full, or not available.
    Nack,
    /// No queue of the name took it; the broker's words.
    Unroutable(String),
}

impl Refusal {
    pub(super) fn describe(&self, queue: &WorkQueue) -> String {
        match self {
            Self::Nack => faults::nacked(queue),
            Self::Unroutable(reason) => faults::unroutable(queue, reason),
        }
    }
}

/// The tasks that were published on one channel and are not confirmed.
#[derive(Debug, Default)]
pub(super) struct Flight {
    outstanding: Outstanding<Parcel>,
    /// The bodies of the outstanding, all in all.
    bytes: usize,
    refused: Vec<Parcel>,
    refusal: Option<Refusal>,
    /// Ids of tasks that came back; their confirms are still to come.
    returned: HashSet<String>,
}

impl Flight {
    pub(super) fn published(&mut self, parcel: Parcel) {
        self.bytes += parcel.task.body.len();
        self.outstanding.published(parcel);
    }

    /// A task came back: no queue took it.
    pub(super) fn came_back(&mut self, id: Option<String>, reason: String) {
        self.returned.extend(id);
        self.refusal = Some(Refusal::Unroutable(reason));
    }

    /// The broker's verdict; what it took responsibility for is given to `confirmed`.
    pub(super) fn settle(
        &mut self,
        tag: u64,
        multiple: bool,
        verdict: Verdict,
        mut confirmed: impl FnMut(&Parcel),
    ) {
        let Self {
            outstanding,
            bytes,
            refused,
            refusal,
            returned,
        } = self;
        outstanding.settle(tag, multiple, |parcel| {
            *bytes -= parcel.task.body.len();
            match verdict {
                // A task that no queue took is confirmed all the same.
                Verdict::Ack if returned.is_empty() || !returned.remove(parcel.task.id()) => {
                    confirmed(&parcel);
                }
                Verdict::Ack => refused.push(parcel),
                Verdict::Nack => {
                    refusal.get_or_insert(Refusal::Nack);
                    refused.push(parcel);
                }
            }
        });
    }

    /// How many tasks are neither confirmed nor refused.
    pub(super) fn len(&self) -> usize {
        self.outstanding.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// The bodies of those, all in all.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// How many were refused.
    pub(super) fn refused(&self) -> usize {
        self.refused.len()
    }

    /// The refused ones, to be sent again on the same channel, which goes on counting its tags.
    pub(super) fn take_refused(&mut self) -> Vec<Parcel> {
        self.refusal = None;
        self.returned.clear();
        std::mem::take(&mut self.refused)
    }

    /// All that was not confirmed.
    pub(super) fn into_parcels(mut self) -> Vec<Parcel> {
        self.refused.extend(self.outstanding.take_all());
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::End;
    use crate::task::{TaskOptions, Template};

    fn flight(count: u64) -> (Flight, Vec<String>) {
        let template = Template::new(&TaskOptions::default());
        let mut flight = Flight::default();
        let mut ids = Vec::new();
        for number in 1..=count {
            let task = template.task(b"body".to_vec());
            ids.push(task.id().to_owned());
            flight.published(Parcel {
                number,
                task,
                end: End::Lf,
            });
        }
        (flight, ids)
    }

    fn settle(flight: &mut Flight, tag: u64, multiple: bool, verdict: Verdict) -> Vec<u64> {
        let mut confirmed = Vec::new();
        flight.settle(tag, multiple, verdict, |parcel| {
            confirmed.push(parcel.number);
        });
        confirmed
    }

    fn left(flight: Flight) -> Vec<u64> {
        let parcels = flight.into_parcels();
        parcels.iter().map(|parcel| parcel.number).collect()
    }

    #[test]
    fn nacks_are_nacks_also_between_acks() {
        let (mut flight, _) = flight(5);
        assert_eq!(flight.bytes(), 20);
        assert!(settle(&mut flight, 3, false, Verdict::Nack).is_empty());
        assert_eq!(settle(&mut flight, 4, true, Verdict::Ack), [1, 2, 4]);
        assert_eq!((flight.len(), flight.refused(), flight.bytes()), (1, 1, 4));
        assert_eq!(flight.refusal(), Some(&Refusal::Nack));
        assert_eq!(left(flight), [3, 5]);
    }

    #[test]
    fn what_was_refused_can_be_sent_again_on_the_same_channel() {
        let (mut flight, _) = flight(2);
        settle(&mut flight, 2, true, Verdict::Nack);
        let refused = flight.take_refused();
        assert_eq!(flight.refusal(), None);
        for parcel in refused {
            flight.published(parcel);
        }
        assert_eq!(settle(&mut flight, 4, true, Verdict::Ack), [1, 2]);
        assert!(left(flight).is_empty());
    }

    #[test]
    fn an_ack_of_what_came_back_is_no_confirm() {
        let (mut flight, ids) = flight(3);
        flight.came_back(Some(ids[1].clone()), "NO_ROUTE".to_owned());
        assert_eq!(settle(&mut flight, 3, true, Verdict::Ack), [1, 3]);
        assert_eq!(
            flight.refusal(),
            Some(&Refusal::Unroutable("NO_ROUTE".to_owned()))
        );
        assert!(flight.is_empty());
        assert_eq!(left(flight), [2]);
    }
}
