//! Messages of which one has cost a channel or a connection. They are sent one at a time, so that
//! the guilty one is found and nothing else suffers for it.

use super::message::{Entry, Payload, Sent};
use crate::base::fault::Fault;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often one that was alone may cost the connection before it is refused, where the broker's
/// words leave room for another cause.
const TRIES: u32 = 5;

/// Waits before it is tried again; they double.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(60);

/// So many connections in a row that break without a word, and without anything confirmed, are no
/// chance: a message may be the cause.
const LOSSES: u32 = 3;

/// What the end of a channel or connection says of the messages that were in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// None of them is the cause.
    Nobody,
    /// One of them may be.
    Perhaps,
    /// One of them is.
    Surely,
}

/// What the broker's words on the end of a channel or a connection mean. RabbitMQ's codes: 320 when
/// the node stops or an administrator closes connections; 541 where a process of its own crashed,
/// on whatever cause; 505 where frames come in an order that makes no sense.
pub(super) fn blame(fault: &Fault) -> Blame {
    match fault.reply().map(|reply| reply.code) {
        // 505 where the client library has answered in the middle of a message.
        None | Some(320 | 505) => Blame::Nobody,
        Some(541) => Blame::Perhaps,
        Some(_) => Blame::Surely,
    }
}

/// What becomes of a message that was alone when the channel or connection ended.
#[derive(Debug)]
pub(super) enum Judged<P> {
    /// The broker will never take it.
    Guilty(Entry<P>),
    /// It is tried again later.
    Open,
}

/// One that was alone when a connection broke, and is tried alone again.
#[derive(Debug)]
struct Benched<P> {
    entry: Entry<P>,
    not_before: Instant,
    tries: u32,
}

/// The messages under suspicion.
#[derive(Debug)]
pub(super) struct Suspects<P> {
    waiting: VecDeque<Entry<P>>,
    benched: Vec<Benched<P>>,
    /// The number of the one in flight, and how often it was tried before.
    alone: Option<(u64, u32)>,
    /// Connections that broke in a row without a word and without a confirm.
    losses: u32,
}

impl<P> Default for Suspects<P> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            benched: Vec::new(),
            alone: None,
            losses: 0,
        }
    }
}

impl<P: Payload> Suspects<P> {
    /// Whether messages must be sent one at a time now.
    pub(super) fn is_active(&self, now: Instant) -> bool {
        self.alone.is_some() || !self.waiting.is_empty() || self.due(now).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.benched.len()
    }

    /// When the next one is tried that waits for its time.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.benched.iter().map(|benched| benched.not_before).min()
    }

    fn due(&self, now: Instant) -> Option<usize> {
        self.benched
            .iter()
            .position(|benched| benched.not_before <= now)
    }

    /// The next one to send alone.
    pub(super) fn next(&mut self, now: Instant) -> Option<Entry<P>> {
        let (entry, tries) = if let Some(entry) = self.waiting.pop_front() {
            (entry, 0)
        } else {
            let benched = self.benched.swap_remove(self.due(now)?);
            (benched.entry, benched.tries)
        };
        self.alone = Some((entry.number, tries));
        Some(entry)
    }

    /// Puts these under suspicion, the most likely first: `code` says what of.
    pub(super) fn suspect(&mut self, mut entries: Vec<Entry<P>>, code: Option<u16>) {
        use super::message::Destination::Reply;
        match code {
            // Frame errors: a header that is too large.
            Some(501 | 502) => {
                entries.sort_by_key(|entry| std::cmp::Reverse(entry.payload.header_len()));
            }
            // A reply address that the broker cannot read.
            Some(541) => entries.sort_by_key(|entry| !matches!(entry.to, Reply(_))),
            _ => {}
        }
        self.waiting.extend(entries);
    }

    /// The one that was alone is settled: it was none of the guilty.
    pub(super) fn settled(&mut self) {
        self.alone = None;
        self.losses = 0;
    }

    /// A connection broke without a word while messages were in flight.
    pub(super) fn lost(&mut self) {
        self.losses += 1;
    }

    /// Whether a message may be the cause that connections break without a word.
    pub(super) fn is_suspicious(&self) -> bool {
        self.alone.is_some() || self.losses > LOSSES
    }

    /// Whether the one in flight is alone by order.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.is_some()
    }

    /// Judges one that was alone in flight when the channel or connection ended.
    pub(super) fn judge(&mut self, mut entry: Entry<P>, blame: Blame, now: Instant) -> Judged<P> {
        let alone = self.alone.take();
        let tries = alone.filter(|(number, _)| *number == entry.number);
        let tries = tries.map_or(0, |(_, tries)| tries) + 1;
        if blame == Blame::Surely || (blame == Blame::Perhaps && tries >= TRIES) {
            return Judged::Guilty(entry);
        }
        entry.sent = Sent::Perhaps;
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(tries - 1));
        self.benched.push(Benched {
            entry,
            not_before: now + wait.min(MAX_WAIT),
            tries,
        });
        Judged::Open
    }

    /// The guilty one is found: the others are let go.
    pub(super) fn release(&mut self) -> Vec<Entry<P>> {
        self.alone = None;
        self.losses = 0;
        std::mem::take(&mut self.waiting).into()
    }

    /// Takes out the one with this number.
    pub(super) fn take_number(&mut self, number: u64) -> Option<Entry<P>> {
        if let Some(at) = self.waiting.iter().position(|entry| entry.number == number) {
            return self.waiting.remove(at);
        }
        let at = self
            .benched
            .iter()
            .position(|benched| benched.entry.number == number)?;
        Some(self.benched.swap_remove(at).entry)
    }

    /// Takes out all.
    pub(super) fn take_all(&mut self) -> Vec<Entry<P>> {
        let mut all = self.release();
        all.extend(self.benched.drain(..).map(|benched| benched.entry));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Destination, Mark};
    use super::*;
    use crate::base::fault::{Kind, Reply};

    struct Headers(usize);

    impl Payload for Headers {
        fn id(&self) -> Option<&str> {
            None
        }
        fn body_len(&self) -> usize {
            0
        }
        fn header_len(&self) -> usize {
            self.0
        }
    }

    fn entry(number: u64, to: Destination, header_len: usize) -> Entry<Headers> {
        Entry {
            number,
            route: 0,
            to,
            mark: Mark::None,
            sent: Sent::No,
            payload: Headers(header_len),
        }
    }

    fn numbers(suspects: &mut Suspects<Headers>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| {
            let number = suspects.next(now)?.number;
            suspects.settled();
            Some(number)
        })
        .collect()
    }

    #[test]
    fn the_most_likely_is_tried_first() {
        let now = Instant::now();
        let entries = || {
            let reply = Destination::Reply("amq.rabbitmq.reply-to.!".to_owned());
            vec![
                entry(1, Destination::Work, 10),
                entry(2, reply, 20),
                entry(3, Destination::Work, 30),
            ]
        };
        for (code, order) in [
            (Some(501), [3, 2, 1]),
            (Some(541), [2, 1, 3]),
            (Some(406), [1, 2, 3]),
            (None, [1, 2, 3]),
        ] {
            let mut suspects = Suspects::default();
            suspects.suspect(entries(), code);
            assert!(suspects.is_active(now));
            assert_eq!(numbers(&mut suspects, now), order, "{code:?}");
            assert!(!suspects.is_active(now));
        }
    }

    #[test]
    fn one_that_the_broker_names_is_guilty_at_once() {
        let now = Instant::now();
        let mut suspects = Suspects::default();
        suspects.suspect(vec![entry(1, Destination::Work, 0)], Some(406));
        let alone = suspects.next(now).unwrap();
        let judged = suspects.judge(alone, Blame::Surely, now);
        assert!(matches!(judged, Judged::Guilty(entry) if entry.number == 1));
    }

    #[test]
    fn one_that_breaks_connections_without_a_word_waits_and_is_never_condemned() {
        let mut now = Instant::now();
        let mut suspects = Suspects::default();
        for _ in 0..LOSSES {
            suspects.lost();
            assert!(!suspects.is_suspicious());
        }
        suspects.lost();
        assert!(suspects.is_suspicious());
        let bad = entry(1, Destination::Work, 0);
        let good = entry(2, Destination::Work, 0);
        suspects.suspect(vec![bad, good], None);
        for _ in 0..2 * TRIES {
            let alone = suspects.next(now).unwrap();
            assert_eq!(alone.number, 1);
            assert!(matches!(
                suspects.judge(alone, Blame::Nobody, now),
                Judged::Open
            ));
            numbers(&mut suspects, now);
            assert!(!suspects.is_active(now), "the others go on");
            now = suspects.next_due().unwrap();
            assert!(suspects.is_active(now));
        }
    }

    #[test]
    fn where_the_words_leave_room_it_is_tried_some_times() {
        let mut now = Instant::now();
        let mut suspects = Suspects::default();
        suspects.suspect(vec![entry(1, Destination::Work, 0)], Some(541));
        let mut tries = 0;
        loop {
            tries += 1;
            let alone = suspects.next(now).unwrap();
            match suspects.judge(alone, Blame::Perhaps, now) {
                Judged::Guilty(_) => break,
                Judged::Open => now = suspects.next_due().unwrap(),
            }
        }
        assert_eq!(tries, TRIES);
    }

    #[test]
    fn what_the_codes_mean() {
        let with = |code| {
            let text = String::new();
            Fault::new(Kind::Lost, "").with_reply(Reply { code, text })
        };
        assert_eq!(blame(&with(320)), Blame::Nobody);
        assert_eq!(blame(&Fault::new(Kind::Lost, "")), Blame::Nobody);
        assert_eq!(blame(&with(541)), Blame::Perhaps);
        assert_eq!(blame(&with(505)), Blame::Nobody);
        for code in [311, 403, 404, 406, 501, 502] {
            assert_eq!(blame(&with(code)), Blame::Surely);
        }
    }
}
