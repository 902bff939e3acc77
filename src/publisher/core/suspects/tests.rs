use super::super::message::Mark;
use super::*;
use crate::queues::Destination;

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

fn send_next(suspects: &mut Suspects<Headers>, now: Instant) -> Entry<Headers> {
    let number = suspects.next(now, |_| true).unwrap().number;
    suspects.send_alone(number).unwrap()
}

fn numbers(suspects: &mut Suspects<Headers>, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| {
        let number = suspects.next(now, |_| true)?.number;
        suspects.send_alone(number)?;
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
        assert!(suspects.is_active(now, |_| true));
        assert_eq!(numbers(&mut suspects, now), order, "{code:?}");
        assert!(!suspects.is_active(now, |_| true));
    }
}

#[test]
fn one_that_the_broker_names_is_refused_at_once() {
    let now = Instant::now();
    let mut suspects = Suspects::default();
    suspects.suspect(vec![entry(1, Destination::Work, 0)], Some(406));
    let alone = send_next(&mut suspects, now);
    let tried = suspects.tried(alone, Blame::Surely, now);
    assert!(matches!(tried, Some(entry) if entry.number == 1));
}

#[test]
fn one_that_breaks_connections_without_a_word_waits_and_is_never_refused() {
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
        let alone = send_next(&mut suspects, now);
        assert_eq!(alone.number, 1);
        assert!(suspects.tried(alone, Blame::Nobody, now).is_none());
        numbers(&mut suspects, now);
        assert!(!suspects.is_active(now, |_| true), "the others go on");
        now = suspects.next_due(now).unwrap();
        assert!(suspects.is_active(now, |_| true));
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
        let alone = send_next(&mut suspects, now);
        match suspects.tried(alone, Blame::Perhaps, now) {
            Some(_) => break,
            None => now = suspects.next_due(now).unwrap(),
        }
    }
    assert_eq!(tries, TRIES);
}
