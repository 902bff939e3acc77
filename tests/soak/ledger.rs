//! The ledger: what became of each task.

use super::kind::Kind;
use super::lane::Lane;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The account of one lane, or of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Given to `new_task`.
    sent: usize,
    /// Reported as sent by it.
    confirmed: usize,
    /// Carried out at least once.
    carried_out: usize,
    /// Carried out more than once.
    duplicated: usize,
    /// Carried out or dead-lettered although not confirmed: the confirm was lost.
    unconfirmed: usize,
    /// With the dead letters.
    dead_lettered: usize,
    /// Dead letters of tasks that were meant to succeed: they came back too often, or overslept.
    sound_dead: usize,
    /// Dead letters with a reason that does not fit, or none.
    wrong_reason: Vec<String>,
    /// Confirmed, and neither carried out nor dead-lettered.
    pub(super) lost: Vec<String>,
}

impl Account {
    /// Draws up the account of a lane with these dead letters.
    pub(super) fn of(lane: &Lane, dead: &[(String, Option<String>)]) -> Self {
        let sent = lane.sent.lock().unwrap();
        let done = lane.carried_out();
        let buried: BTreeSet<&str> = dead.iter().map(|(id, _)| id.as_str()).collect();
        let confirmed = || sent.iter().filter(|(_, confirmed)| **confirmed);
        let is_safe = |id: &str| {
            let done = Kind::of(id).is_sound() && done.contains_key(id);
            done || buried.contains(id)
        };
        let lost = confirmed().filter(|(id, _)| !is_safe(id));
        let unconfirmed = sent.iter().filter(|(_, confirmed)| !**confirmed);
        let fits = |reason: &Option<String>, id: &str| {
            let kind = Kind::of(id);
            reason.as_ref().is_some_and(|reason| kind.fits(reason))
        };
        let unfit = dead.iter().filter(|(id, reason)| !fits(reason, id));
        Self {
            sent: sent.len(),
            confirmed: confirmed().count(),
            carried_out: done.len(),
            duplicated: done.values().filter(|count| **count > 1).count(),
            unconfirmed: unconfirmed.filter(|(id, _)| is_safe(id)).count(),
            dead_lettered: buried.len(),
            sound_dead: buried.iter().filter(|id| Kind::of(id).is_sound()).count(),
            wrong_reason: unfit
                .map(|(id, reason)| format!("{id}: {reason:?}"))
                .collect(),
            lost: lost.map(|(id, _)| id.clone()).collect(),
        }
    }

    /// The account of all of them together.
    pub(super) fn sum(accounts: &[Self]) -> Self {
        accounts.iter().fold(Self::default(), |mut sum, one| {
            sum.sent += one.sent;
            sum.confirmed += one.confirmed;
            sum.carried_out += one.carried_out;
            sum.duplicated += one.duplicated;
            sum.unconfirmed += one.unconfirmed;
            sum.dead_lettered += one.dead_lettered;
            sum.sound_dead += one.sound_dead;
            sum.wrong_reason.extend(one.wrong_reason.clone());
            sum.lost.extend(one.lost.clone());
            sum
        })
    }

    fn rows(&self) -> [(&'static str, usize); 9] {
        [
            ("sent", self.sent),
            ("confirmed", self.confirmed),
            ("carried out", self.carried_out),
            ("duplicated", self.duplicated),
            ("not confirmed, yet there", self.unconfirmed),
            ("dead-lettered", self.dead_lettered),
            ("dead-lettered though sound", self.sound_dead),
            ("with a wrong reason", self.wrong_reason.len()),
            ("lost", self.lost.len()),
        ]
    }

    /// What is wrong with it, a line each.
    pub(super) fn faults(&self) -> Vec<String> {
        let lost = self.lost.iter().map(|id| format!("lost: {id}"));
        let unfit = self.wrong_reason.iter();
        lost.chain(unfit.map(|text| format!("wrong reason: {text}")))
            .collect()
    }

    /// As one JSON object.
    pub(super) fn json(&self) -> Map<String, Value> {
        let rows = self.rows().into_iter();
        rows.map(|(name, count)| (name.replace(", ", " ").replace(' ', "_"), json!(count)))
            .collect()
    }
}

/// The accounts next to each other.
pub(super) fn table(columns: &BTreeMap<&str, Account>, sum: &Account) -> String {
    let heads = columns.keys().map(|name| format!("{name:>16}"));
    let mut lines = vec![format!(
        "{:28}{}{:>10}",
        "",
        heads.collect::<String>(),
        "all"
    )];
    for (row, (name, all)) in sum.rows().into_iter().enumerate() {
        let counts = columns.values().map(|account| account.rows()[row].1);
        let counts = counts.map(|count| format!("{count:>16}"));
        lines.push(format!("{name:28}{}{all:>10}", counts.collect::<String>()));
    }
    lines.join("\n")
}
