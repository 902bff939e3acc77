//! Whole courses of events.

use super::*;
use crate::confirms::Verdict;
use crate::fault::{Fault, Kind, Reply};
use crate::refusal::explain;
use crate::topology::{Declare, QueueType, WorkQueue};

/// A message with an id of its number, and these sizes.
#[derive(Clone, Debug, PartialEq)]
struct Letter {
    id: String,
    body: usize,
    header: usize,
}

impl Payload for Letter {
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    fn body_len(&self) -> usize {
        self.body
    }
    fn header_len(&self) -> usize {
        self.header
    }
}

/// What a core had done, as far as a broker would see it.
#[derive(Debug, PartialEq)]
enum Did {
    Connect(Duration),
    Disconnect,
    OpenChannel,
    Declare(String, Form),
    Measure,
    Publish(u64, String),
    Confirmed(u64, String),
    Refused(u64, Scope),
    Withdrawn(u64, Sent),
    Tell(&'static str),
    GiveUp,
}

use Did::{Confirmed, Connect, Disconnect, GiveUp, Measure, OpenChannel, Refused, Tell, Withdrawn};

struct Bench {
    core: Core<Letter>,
    now: Instant,
    /// What the core said it waits for.
    until: Option<Instant>,
    looks: FirstChannel,
}

fn work_queue(queue_type: Option<QueueType>, declare: Declare) -> WorkQueue {
    WorkQueue {
        name: "q".parse().unwrap(),
        queue_type,
        max_priority: None,
        declare,
    }
}

fn config() -> Config {
    Config {
        queues: Queues {
            work: work_queue(None, Declare::Yes),
            upkeep: Upkeep::Others,
            needed: Needed::Nothing,
            queue_type: QueueType::Classic,
            ladder: Vec::new(),
        },
        window: Size {
            messages: 100,
            bytes: 8 << 20,
        },
        frame_max: 131_072,
        backlog: None,
        confirm_timeout: None,
        retry_for: None,
        keep_channel: Duration::ZERO,
        connect: super::Connect::WhenNeeded,
    }
}

/// As `new_task` sends.
fn sender() -> Config {
    Config {
        queues: Queues {
            upkeep: Upkeep::Ours,
            ..config().queues
        },
        confirm_timeout: Some(Duration::from_secs(30)),
        retry_for: Some(Duration::from_secs(10)),
        connect: super::Connect::Always,
        ..config()
    }
}

fn dead() -> Destination {
    Destination::Dead("q.dead".parse().unwrap())
}

fn reply(address: &str) -> Destination {
    Destination::Reply(format!("amq.rabbitmq.reply-to.{address}"))
}

const SECOND: Destination = Destination::Delay(Duration::from_secs(1));

fn lost() -> Fault {
    Fault::new(Kind::Lost, "gone")
}

fn closed(code: u16, text: &str) -> Fault {
    let text = text.to_owned();
    explain(Reply { code, text })
}

/// The connection was closed with this code.
fn cut_off(code: u16) -> Fault {
    let text = String::new();
    Fault::new(Kind::Lost, "closed").with_reply(Reply { code, text })
}

impl Bench {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(config, now),
            now,
            until: None,
            looks: FirstChannel::Opens,
        }
    }

    fn handle(&mut self, input: Input<Letter>) -> Vec<Did> {
        self.core.handle(input, self.now);
        self.run()
    }

    fn send(&mut self, number: u64, to: Destination) -> Vec<Did> {
        self.send_sized(number, to, 10, 100)
    }

    fn send_sized(&mut self, number: u64, to: Destination, body: usize, header: usize) -> Vec<Did> {
        let id = number.to_string();
        let payload = Letter { id, body, header };
        self.handle(Input::Message(Message {
            number,
            to,
            payload,
        }))
    }

    fn settle(&mut self, tag: u64, multiple: bool, verdict: Verdict) -> Vec<Did> {
        self.handle(Input::Settled {
            tag,
            multiple,
            verdict,
        })
    }

    fn ack(&mut self, tag: u64) -> Vec<Did> {
        self.settle(tag, false, Verdict::Ack)
    }

    fn nack(&mut self, tag: u64) -> Vec<Did> {
        self.settle(tag, false, Verdict::Nack)
    }

    /// Polls until there is nothing to do.
    fn run(&mut self) -> Vec<Did> {
        let mut all = Vec::new();
        loop {
            let did = match self.core.poll(self.now) {
                Action::Wait(until) => {
                    self.until = until;
                    return all;
                }
                Action::Connect { pause, look_for } => {
                    self.looks = match look_for {
                        Some(_) => FirstChannel::LooksForQueue,
                        None => FirstChannel::Opens,
                    };
                    Connect(pause)
                }
                Action::Disconnect => Disconnect,
                Action::OpenChannel => OpenChannel,
                Action::Declare { queue, form, .. } => Did::Declare(queue.to_owned(), form),
                Action::Measure => Measure,
                Action::Publish { queue, number, .. } => Did::Publish(number, queue.to_owned()),
                Action::Confirmed { number, queue, .. } => Confirmed(number, queue.to_string()),
                Action::Refused { number, scope, .. } => Refused(number, scope),
                Action::Withdrawn { number, sent } => Withdrawn(number, sent),
                Action::Tell(notice) => Tell(match notice {
                    Notice::Lost { .. } => "lost",
                    Notice::Refused { .. } => "refused",
                    Notice::Adopted(_) => "adopted",
                    Notice::Blocked(_) => "blocked",
                    Notice::Unblocked => "unblocked",
                    Notice::BacklogFull(_) => "full",
                }),
                Action::GiveUp(_) => GiveUp,
            };
            all.push(did);
            assert!(all.len() < 10_000, "it never waits");
        }
    }

    /// Answers what waits for an answer, as a broker does on which all is well, until nothing does.
    fn go_on(&mut self, mut did: Vec<Did>) -> Vec<Did> {
        let mut all = Vec::new();
        loop {
            let answers: Vec<_> = did.iter().filter_map(|did| self.answer(did)).collect();
            all.extend(did);
            if answers.is_empty() {
                return all;
            }
            for answer in answers {
                self.core.handle(answer, self.now);
            }
            did = self.run();
        }
    }

    fn answer(&self, did: &Did) -> Option<Input<Letter>> {
        match did {
            Connect(_) => Some(Input::Connected(self.looks)),
            OpenChannel => Some(Input::ChannelOpened),
            Did::Declare(_, Form::Blind) => None,
            Did::Declare(queue, _) => Some(Input::Declared {
                to: self.destination(queue),
                queue_type: None,
                adopted: None,
            }),
            _ => None,
        }
    }

    fn destination(&self, queue: &str) -> Destination {
        let mut routes = self.core.routes.iter();
        routes
            .find(|route| &*route.queue == queue)
            .unwrap()
            .to
            .clone()
    }

    /// A message that finds a connection, or makes one.
    fn publish(&mut self, number: u64, to: Destination) -> Vec<Did> {
        let did = self.send(number, to);
        self.go_on(did)
    }

    /// Lets time pass until the core wants something, which it must.
    fn pass(&mut self) -> Vec<Did> {
        self.now = self.until.expect("it waits for nothing");
        let did = self.run();
        self.go_on(did)
    }

    /// Lets time pass until it has done something, at most so long.
    fn pass_at_most(&mut self, limit: Duration) -> Vec<Did> {
        let end = self.now + limit;
        loop {
            match self.until {
                Some(until) if until <= end => {
                    let did = self.pass();
                    if !did.is_empty() {
                        return did;
                    }
                }
                _ => {
                    self.now = end;
                    let did = self.run();
                    return self.go_on(did);
                }
            }
        }
    }
}

fn published(did: &[Did]) -> Vec<u64> {
    let numbers = did.iter().filter_map(|did| match did {
        Did::Publish(number, _) => Some(*number),
        _ => None,
    });
    numbers.collect()
}

fn declared(queue: &str, form: Form) -> Did {
    Did::Declare(queue.to_owned(), form)
}

fn sent(number: u64, queue: &str) -> Did {
    Did::Publish(number, queue.to_owned())
}

fn safe(number: u64, queue: &str) -> Did {
    Confirmed(number, queue.to_owned())
}

#[test]
fn a_sender_connects_declares_without_waiting_and_publishes() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    assert_eq!(did, [Connect(Duration::ZERO)]);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel], "before there is a task");
    assert!(bench.core.has_room(&Destination::Work, bench.now));
    let did = bench.send(1, Destination::Work);
    assert_eq!(did, [declared("q", Form::Blind), sent(1, "q")]);
    assert_eq!(bench.send(2, Destination::Work), [sent(2, "q")]);
    assert!(!bench.core.is_idle());
    let did = bench.settle(2, true, Verdict::Ack);
    assert_eq!(did, [safe(1, "q"), safe(2, "q")]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.until, None);
}

#[test]
fn an_idle_worker_needs_no_connection_and_keeps_the_one_it_has() {
    let mut bench = Bench::new(config());
    assert_eq!(bench.run(), []);
    let did = bench.publish(1, dead());
    let make = declared("q.dead", Form::Make);
    let first = [
        Connect(Duration::ZERO),
        make,
        OpenChannel,
        sent(1, "q.dead"),
    ];
    assert_eq!(did, first);
    assert_eq!(bench.ack(1), [safe(1, "q.dead")]);
    assert_eq!(bench.publish(2, dead()), [sent(2, "q.dead")]);
    assert_eq!(bench.ack(2), [safe(2, "q.dead")]);
    assert_eq!(bench.handle(Input::ConnectionLost(lost())), [Tell("lost")]);
    let did = bench.publish(3, dead());
    assert_eq!(published(&did), [3]);
}

#[test]
fn what_a_lost_connection_leaves_is_sent_again_in_order() {
    let mut bench = Bench::new(config());
    for number in 1..=3 {
        bench.publish(number, Destination::Work);
    }
    bench.ack(2);
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert!(matches!(did[..], [Tell("lost"), Connect(pause)] if !pause.is_zero()));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1, 3]);
    assert_eq!(bench.settle(2, true, Verdict::Ack).len(), 2);
}

#[test]
fn a_full_dead_letter_queue_delays_dead_letters_alone() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.nack(1);
    for number in 2..50 {
        let to = if number % 2 == 0 { SECOND } else { reply("a") };
        assert_eq!(published(&bench.publish(number, to)), [number]);
    }
}

#[test]
fn refusals_are_told_once_in_a_while_and_end_with_the_first_confirm() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    assert_eq!(bench.nack(1), [Tell("refused")]);
    // Over a new channel, which may help where a leader has died.
    assert_eq!(bench.pass(), [OpenChannel, sent(1, "q.dead")]);
    let began = bench.now;
    let mut tries = 0;
    loop {
        // With tag 0, all.
        let did = bench.settle(0, true, Verdict::Nack);
        let mut did = bench.go_on(did);
        while published(&did).is_empty() {
            did.extend(bench.pass());
        }
        if did.contains(&Tell("refused")) {
            break;
        }
        tries += 1;
    }
    let took = (bench.now - began).as_secs();
    assert!((9..12).contains(&took), "{took}");
    assert!((10..20).contains(&tries), "{tries}");
    assert_eq!(bench.settle(0, true, Verdict::Ack), [safe(1, "q.dead")]);
}

#[test]
fn a_queue_of_our_own_counts_two_seconds_after_it_was_made() {
    let mut bench = Bench::new(config());
    let did = bench.send(1, SECOND);
    assert_eq!(did, [Connect(Duration::ZERO)]);
    let did = bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(did, [declared("q.delay.1000", Form::Look)]);
    let fault = closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let did = bench.handle(Input::DeclarationRefused { to: SECOND, fault });
    let did = bench.go_on(did);
    let make = declared("q.delay.1000", Form::Make);
    assert_eq!(did, [make, OpenChannel, sent(1, "q.delay.1000")]);
    assert_eq!(bench.ack(1), []);
    assert!(!bench.core.is_idle());
    assert_eq!(bench.until, Some(bench.now + YOUTH));
    assert_eq!(bench.pass(), [safe(1, "q.delay.1000")]);
}

#[test]
fn what_a_young_queue_held_is_sent_again_if_the_connection_breaks() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    let fault = closed(404, "NOT_FOUND - no queue 'q.delay.1000' in vhost '/'");
    let did = bench.handle(Input::DeclarationRefused { to: SECOND, fault });
    bench.go_on(did);
    bench.ack(1);
    let did = bench.handle(Input::ConnectionLost(lost()));
    let did = bench.go_on(did);
    // It may have gone down with the broker, so it is made once more.
    assert!(did.contains(&declared("q.delay.1000", Form::Make)));
    assert!(!did.contains(&declared("q.delay.1000", Form::Look)));
    assert_eq!(published(&did), [1]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [safe(1, "q.delay.1000")]);
}

#[test]
fn a_delay_queue_that_is_somebody_elses_is_left_alone() {
    let mut bench = Bench::new(config());
    bench.send(1, SECOND);
    bench.handle(Input::Connected(FirstChannel::Opens));
    bench.handle(Input::Declared {
        to: SECOND,
        queue_type: None,
        adopted: None,
    });
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q.delay.1000' in \
                vhost '/': received none but current is the value '1000' of type 'signedint'";
    let did = bench.handle(Input::DeclarationRefused {
        to: SECOND,
        fault: closed(406, text),
    });
    assert_eq!(did, [declared("q.delay.1001", Form::Look)]);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [safe(1, "q.delay.1001")]);
}

#[test]
fn a_delay_queue_that_does_not_confirm_is_left_for_another_one() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, dead());
    bench.ack(2);
    let did = bench.pass_at_most(Duration::from_secs(12));
    assert_eq!(
        did,
        [
            declared("q.delay.1001", Form::Look),
            declared("q.delay.1001", Form::Make),
            sent(1, "q.delay.1001")
        ]
    );
    assert_eq!(bench.ack(1), [], "the late confirm of the other one");
    assert_eq!(bench.ack(3), []);
    assert_eq!(bench.pass(), [safe(1, "q.delay.1001")]);
}

#[test]
fn large_messages_over_a_slow_link_are_sent_once() {
    let mut bench = Bench::new(config());
    let did = bench.send_sized(1, SECOND, 12_000_000, 100);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [1]);
    // 200 kB/s, and the last megabytes lie in the system's buffers when all has left us.
    for second in 1..=60 {
        bench.now += Duration::from_secs(1);
        let leaves = (4_000_000 + second * 200_000).min(12_000_300);
        let did = bench.handle(Input::Written(leaves));
        assert_eq!(did, [], "{second}");
    }
    assert_eq!(bench.ack(1), [safe(1, "q.delay.1000")]);
}

#[test]
fn what_is_given_up_is_given_more_time_at_each_try() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.handle(Input::Written(1000));
    let mut tries = Vec::new();
    for _ in 0..4 {
        let began = bench.now;
        let did = loop {
            let did = bench.pass();
            if !did.is_empty() {
                break did;
            }
        };
        assert!(did.contains(&Disconnect));
        assert_eq!(published(&did), [1]);
        tries.push((bench.now - began).as_secs());
    }
    assert_eq!(tries, [10, 20, 40, 80]);
}

#[test]
fn a_broker_that_has_blocked_us_is_waited_for() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    assert_eq!(
        bench.handle(Input::Blocked("low on memory".to_owned())),
        [Tell("blocked")]
    );
    assert_eq!(bench.publish(2, reply("a")), []);
    assert_eq!(bench.pass_at_most(Duration::from_secs(1000)), []);
    let did = bench.handle(Input::Unblocked);
    assert_eq!(published(&did), [2]);
    assert_eq!(bench.settle(2, true, Verdict::Ack).len(), 2);
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_others_are_not() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.send_sized(2, dead(), 2_000_000, 100);
    bench.send(3, reply("a"));
    let text = "PRECONDITION_FAILED - message size 2000000 is larger than configured max size \
                1000000";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [Refused(2, Scope::Message)]);
    let did = bench.pass();
    assert_eq!(published(&did), [1, 3]);
    // The next one is not even sent.
    let did = bench.send_sized(4, dead(), 1_000_001, 100);
    assert_eq!(did, [Refused(4, Scope::Message)]);
    let did = bench.send_sized(5, dead(), 1_000_000, 100);
    assert_eq!(published(&did), [5]);
    bench.settle(0, true, Verdict::Ack);
    // After a while it is tried whether the limit still holds, alone.
    bench.pass_at_most(Duration::from_secs(6));
    let did = bench.send_sized(6, dead(), 2_000_000, 100);
    assert_eq!(published(&did), [6]);
    assert_eq!(bench.send(7, reply("a")), []);
    let did = bench.settle(0, true, Verdict::Ack);
    assert_eq!(
        (did[0] == safe(6, "q.dead"), published(&did)),
        (true, vec![7])
    );
    let did = bench.send_sized(8, dead(), 1_500_000, 100);
    assert_eq!(published(&did), [8]);
}

#[test]
fn headers_that_fit_no_frame_are_not_sent() {
    let mut bench = Bench::new(config());
    let did = bench.send_sized(1, dead(), 10, 131_073);
    assert_eq!(did, [Refused(1, Scope::Message)]);
    let did = bench.send_sized(2, dead(), 10, 131_072);
    let did = bench.go_on(did);
    assert_eq!(published(&did), [2]);
}

#[test]
fn a_frame_that_is_too_large_all_the_same_is_found_by_sending_it_alone() {
    let mut bench = Bench::new(config());
    for number in 1..=4 {
        bench.publish(number, dead());
    }
    let did = bench.send_sized(5, dead(), 10, 130_000);
    assert_eq!(published(&did), [5]);
    let did = bench.handle(Input::ConnectionLost(cut_off(501)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [5], "the largest first, alone");
    assert_eq!(bench.publish(6, reply("a")), []);
    let did = bench.handle(Input::ConnectionLost(cut_off(501)));
    let did = bench.go_on(did);
    assert!(did.contains(&Refused(5, Scope::Message)));
    let mut numbers = published(&did);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
}

#[test]
fn a_reply_address_that_costs_the_connection_counts_as_delivered() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, reply("!.x"));
    bench.publish(3, dead());
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert_eq!(published(&did), [2]);
    let did = bench.handle(Input::ConnectionLost(cut_off(541)));
    let did = bench.go_on(did);
    assert!(did.contains(&safe(2, "")));
    assert_eq!(published(&did).len(), 2);
    assert_eq!(bench.publish(4, reply("!.x")), [safe(4, "")]);
    assert_eq!(published(&bench.publish(5, reply("b"))), [5]);
}

#[test]
fn without_permission_to_publish_each_message_is_refused() {
    let mut bench = Bench::new(config());
    let text = "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused";
    bench.publish(1, reply("a"));
    let did = bench.handle(Input::ChannelClosed(closed(403, text)));
    assert_eq!(did, [Refused(1, Scope::Destination)]);
    bench.publish(2, Destination::Work);
    bench.pass_at_most(Duration::from_secs(1));
    let did = bench.handle(Input::ChannelClosed(closed(403, text)));
    assert_eq!(did, [Refused(2, Scope::Destination)]);
}

#[test]
fn a_message_that_breaks_connections_without_a_word_lets_the_others_pass() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.publish(2, dead());
    bench.publish(3, dead());
    let mut safe = Vec::new();
    // Number 2 breaks every connection on which it is published.
    for _ in 0..200 {
        let in_flight = bench.core.in_flight.numbers();
        let did = if in_flight.contains(&2) {
            let did = bench.handle(Input::ConnectionLost(lost()));
            bench.go_on(did)
        } else if in_flight.is_empty() {
            if safe.len() == 2 {
                break;
            }
            bench.pass()
        } else {
            let did = bench.settle(0, true, Verdict::Ack);
            bench.go_on(did)
        };
        safe.extend(did.iter().filter_map(|did| match did {
            Confirmed(number, _) => Some(*number),
            _ => None,
        }));
    }
    safe.sort_unstable();
    assert_eq!(safe, [1, 3]);
    assert_eq!(bench.core.unfinished(), 1);
    assert_eq!(published(&bench.publish(4, Destination::Work)), [4]);
}

#[test]
fn what_comes_back_is_sent_again_once_its_queue_is_there() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.publish(2, dead());
    bench.handle(Input::Returned {
        queue: "q.dead".to_owned(),
        id: Some("2".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    });
    let did = bench.settle(2, true, Verdict::Ack);
    assert_eq!(did, [safe(1, "q.dead"), Tell("refused")]);
    let did = bench.pass();
    assert_eq!(did, [declared("q.dead", Form::Make), sent(2, "q.dead")]);
    assert_eq!(bench.ack(3), [safe(2, "q.dead")]);
}

#[test]
fn equal_messages_that_come_back_are_all_sent_again() {
    let mut bench = Bench::new(config());
    for number in 1..=2 {
        let payload = Letter {
            id: "same".to_owned(),
            body: 1,
            header: 1,
        };
        let to = dead();
        let did = bench.handle(Input::Message(Message {
            number,
            to,
            payload,
        }));
        bench.go_on(did);
    }
    bench.handle(Input::Returned {
        queue: "q.dead".to_owned(),
        id: Some("same".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    });
    bench.settle(2, true, Verdict::Ack);
    assert_eq!(published(&bench.pass()), [1, 2]);
}

#[test]
fn a_result_that_nobody_takes_is_delivered() {
    let mut bench = Bench::new(config());
    bench.publish(1, reply("gone"));
    bench.handle(Input::Returned {
        queue: "amq.rabbitmq.reply-to.gone".to_owned(),
        id: Some("1".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    });
    assert_eq!(bench.ack(1), [safe(1, "")]);
}

#[test]
fn without_declaring_a_missing_queue_is_told_at_once() {
    let queues = Queues {
        work: work_queue(None, Declare::No),
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.publish(1, Destination::Work);
    bench.handle(Input::Returned {
        queue: "q".to_owned(),
        id: Some("1".to_owned()),
        reason: "NO_ROUTE".to_owned(),
    });
    assert_eq!(bench.ack(1), [Refused(1, Scope::Destination)]);
}

#[test]
fn a_queue_that_cannot_be_declared_fails_what_goes_there_alone() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    let text = "ACCESS_REFUSED - access to queue 'q.dead' in vhost '/' refused for user 'u'";
    let did = bench.handle(Input::DeclarationRefused {
        to: dead(),
        fault: closed(403, text),
    });
    assert_eq!(did, [Refused(1, Scope::Destination)]);
    assert_eq!(published(&bench.publish(2, reply("a"))), [2]);
    let did = bench.send(3, dead());
    assert_eq!(did, [declared("q.dead", Form::Make)], "it may be granted");
}

#[test]
fn a_queue_on_a_node_that_is_down_is_waited_for() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    for _ in 0..20 {
        bench.handle(Input::DeclarationRefused {
            to: dead(),
            fault: lost(),
        });
        bench.now = bench.until.unwrap();
        let did = bench.run();
        assert_eq!(did.last(), Some(&declared("q.dead", Form::Make)));
    }
    assert_eq!(published(&bench.publish(2, reply("a"))), [2]);
    let did = bench.handle(Input::Declared {
        to: dead(),
        queue_type: None,
        adopted: None,
    });
    assert_eq!(published(&did), [1]);
}

#[test]
fn a_work_queue_of_another_type_is_adopted_and_nothing_is_sent_twice() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': \
                received none but current is the value 'quorum' of type 'longstr'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    let adopted = Some("quorum".to_owned());
    let did = bench.handle(Input::Declared {
        to: Destination::Work,
        queue_type: Some(QueueType::Quorum),
        adopted,
    });
    assert_eq!(did, [Tell("adopted")]);
    let did = bench.pass();
    assert_eq!(did, [OpenChannel, sent(1, "q")]);
    assert_eq!(bench.ack(1), [safe(1, "q")]);
}

#[test]
fn a_task_that_closes_the_channel_is_found_behind_a_declaration() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let text = "PRECONDITION_FAILED - invalid expiration 'x'";
    let mut did = Vec::new();
    for _ in 0..4 {
        did = bench.handle(Input::ChannelClosed(closed(406, text)));
        did = bench.go_on(did);
        if did.contains(&Refused(1, Scope::Message)) {
            break;
        }
        bench.pass_at_most(Duration::from_secs(1));
    }
    assert!(did.contains(&Refused(1, Scope::Message)), "{did:?}");
}

#[test]
fn a_work_queue_that_cannot_be_declared_ends_the_sending() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    bench.send(1, Destination::Work);
    let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
                received 'true' but current is 'false'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    let did = bench.handle(Input::DeclarationRefused {
        to: Destination::Work,
        fault: closed(406, text),
    });
    assert_eq!(did, [Refused(1, Scope::Destination)]);
}

#[test]
fn delayed_tasks_need_both_queues() {
    let queues = Queues {
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.core.prepare(&SECOND, bench.now);
    let did = bench.run();
    let did = bench.go_on(did);
    assert_eq!(
        did[1..],
        [declared("q.delay.1000", Form::Look), OpenChannel]
    );
    assert!(bench.core.has_room(&SECOND, bench.now));
    let did = bench.send(1, SECOND);
    assert_eq!(
        did,
        [
            declared("q", Form::Blind),
            declared("q.delay.1000", Form::Blind),
            sent(1, "q.delay.1000")
        ]
    );
}

#[test]
fn a_quorum_work_queue_is_looked_for_and_made() {
    let queues = Queues {
        work: work_queue(Some(QueueType::Quorum), Declare::Yes),
        upkeep: Upkeep::Ours,
        ..config().queues
    };
    let mut bench = Bench::new(Config { queues, ..sender() });
    bench.core.prepare(&Destination::Work, bench.now);
    bench.run();
    let did = bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(did, [declared("q", Form::Look)]);
    let fault = closed(404, "NOT_FOUND - no queue 'q' in vhost '/'");
    let to = Destination::Work;
    let did = bench.handle(Input::DeclarationRefused { to, fault });
    assert_eq!(did, [declared("q", Form::Make)]);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel]);
    bench.send(1, Destination::Work);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [safe(1, "q")]);
}

#[test]
fn withdrawn_is_what_was_not_sent_and_perhaps_what_was() {
    let mut bench = Bench::new(config());
    bench.publish(1, dead());
    bench.nack(1);
    let did = bench.handle(Input::Withdraw(1));
    assert_eq!(did, [Withdrawn(1, Sent::No)]);
    assert_eq!(bench.handle(Input::Withdraw(1)), []);
    assert!(bench.core.is_idle());

    bench.publish(2, Destination::Work);
    assert_eq!(bench.handle(Input::Withdraw(2)), [], "it may still leave");
    assert_eq!(bench.ack(2), [safe(2, "q")]);

    bench.publish(3, Destination::Work);
    bench.handle(Input::Withdraw(3));
    let did = bench.settle(0, true, Verdict::Nack);
    assert_eq!(did, [Withdrawn(3, Sent::No)]);
    bench.publish(3, SECOND);
    bench.handle(Input::Withdraw(3));
    let did = bench.handle(Input::ConnectionLost(lost()));
    assert_eq!(did[0], Withdrawn(3, Sent::Perhaps));

    bench.publish(3, SECOND);
    bench.handle(Input::Blocked("low on memory".to_owned()));
    let did = bench.handle(Input::Withdraw(3));
    assert_eq!(did, [Withdrawn(3, Sent::Perhaps)]);
    bench.handle(Input::ConnectionLost(lost()));
    assert!(bench.core.is_idle(), "it is not sent again");
}

#[test]
fn an_answer_stands_for_the_confirm() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    bench.publish(2, Destination::Work);
    assert_eq!(bench.handle(Input::Answered(1)), [safe(1, "q")]);
    assert_eq!(bench.settle(2, true, Verdict::Ack), [safe(2, "q")]);
    assert_eq!(bench.handle(Input::Answered(2)), []);
}

#[test]
fn a_sender_gives_up_a_broker_that_confirms_nothing() {
    let mut bench = Bench::new(Config {
        confirm_timeout: Some(Duration::from_secs(5)),
        ..sender()
    });
    bench.publish(1, Destination::Work);
    assert_eq!(bench.pass(), [], "the second look");
    assert_eq!(bench.pass(), [GiveUp]);
    let left = bench.core.take_unfinished();
    assert_eq!((left.len(), left[0].0, left[0].2), (1, 1, Sent::Perhaps));
    assert!(bench.core.is_idle());
}

#[test]
fn a_sender_gives_up_after_retry_for() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    let mut losses = 0;
    loop {
        losses += 1;
        let did = bench.handle(Input::ConnectionLost(lost()));
        if did.contains(&GiveUp) {
            break;
        }
        bench.now += Duration::from_secs(1);
        bench.go_on(did);
    }
    assert_eq!(losses, 12);
}

#[test]
fn a_short_queue_is_measured_before_more_is_sent() {
    let backlog = Backlog {
        max: std::num::NonZeroU32::new(2).unwrap(),
        timeout: Duration::from_secs(1),
    };
    let mut bench = Bench::new(Config {
        backlog: Some(backlog),
        ..sender()
    });
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    let work = Destination::Work;
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.run(), [declared("q", Form::Blind), Measure]);
    assert_eq!(bench.handle(Input::Measured(1)), []);
    assert!(bench.core.has_room(&work, bench.now));
    assert_eq!(bench.send(1, work.clone()), [sent(1, "q")]);
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.run(), [], "not while a task is in flight");
    bench.ack(1);
    assert!(!bench.core.has_room(&work, bench.now));
    assert_eq!(bench.pass(), [Measure]);
    assert_eq!(bench.handle(Input::Measured(2)), [Tell("full")]);
}

#[test]
fn refused_by_a_dead_leader_all_goes_over_a_new_channel() {
    let mut bench = Bench::new(sender());
    for number in 1..=3 {
        bench.publish(number, Destination::Work);
    }
    bench.nack(1);
    // Nothing is heard of the others.
    let mut all = Vec::new();
    while !all.contains(&OpenChannel) {
        all.extend(bench.pass());
    }
    let mut numbers = published(&all);
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3], "{all:?}");
}

#[test]
fn a_wish_for_a_new_channel_does_not_stop_the_others() {
    let mut bench = Bench::new(config());
    bench.publish(1, SECOND);
    bench.publish(2, dead());
    bench.nack(2);
    // The delay queue says nothing, and the dead letters want a new channel.
    bench.pass();
    assert_eq!(bench.publish(3, reply("a")), []);
    let did = bench.pass_at_most(Duration::from_secs(4));
    assert!(published(&did).contains(&3), "{did:?}");
}

#[test]
fn a_work_queue_that_the_first_channel_does_not_find_is_made_and_young() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    assert_eq!(bench.looks, FirstChannel::LooksForQueue);
    let did = bench.go_on(did);
    assert_eq!(did[1..], [OpenChannel]);
    bench.send(1, Destination::Work);
    let missing = closed(404, "NOT_FOUND - no queue 'q' in vhost '/'");
    let did = bench.handle(Input::ChannelClosed(missing));
    assert_eq!(did, [declared("q", Form::Make)]);
    bench.go_on(did);
    let did = bench.pass();
    assert_eq!(did, [OpenChannel, sent(1, "q")]);
    assert_eq!(bench.ack(1), []);
    assert_eq!(bench.pass(), [safe(1, "q")]);
}

#[test]
fn a_body_of_several_frames_waits_for_the_declaration() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&Destination::Work, bench.now);
    let did = bench.run();
    bench.go_on(did);
    let did = bench.send_sized(1, Destination::Work, 200_000, 100);
    assert_eq!(
        did,
        [declared("q", Form::Blind), declared("q", Form::Check)]
    );
    assert_eq!(published(&bench.go_on(did)), [1]);
    let did = bench.send_sized(2, Destination::Work, 200_000, 100);
    assert_eq!(published(&did), [2]);
}

#[test]
fn a_missing_work_queue_is_found_while_a_delay_queue_is_looked_for() {
    let mut bench = Bench::new(sender());
    bench.core.prepare(&SECOND, bench.now);
    bench.run();
    bench.handle(Input::Connected(FirstChannel::LooksForQueue));
    let did = bench.handle(Input::DeclarationRefused {
        to: SECOND,
        fault: closed(404, "NOT_FOUND - no queue 'q' in vhost '/'"),
    });
    let both = [
        declared("q", Form::Make),
        declared("q.delay.1000", Form::Look),
    ];
    assert_eq!(did, both);
}

#[test]
fn a_declaration_that_is_never_answered_ends_the_connection() {
    let mut bench = Bench::new(config());
    bench.send(1, dead());
    bench.handle(Input::Connected(FirstChannel::Opens));
    assert_eq!(bench.until, Some(bench.now + PATIENCE));
    bench.now += PATIENCE;
    assert_eq!(bench.run(), [], "the second look");
    let did = bench.pass();
    assert_eq!(did[..2], [Disconnect, Tell("lost")]);
    assert_eq!(published(&did), [1]);
}

#[test]
fn a_declaration_behind_much_that_still_leaves_is_waited_for() {
    let mut bench = Bench::new(sender());
    bench.publish(1, Destination::Work);
    for number in 2..=80 {
        bench.send_sized(number, Destination::Work, 100_000, 100);
    }
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': \
                received none but current is the value 'quorum' of type 'longstr'";
    let did = bench.handle(Input::ChannelClosed(closed(406, text)));
    assert_eq!(did, [declared("q", Form::Make)]);
    // 100 kB/s; the last megabytes lie in the system's buffers when all has left us.
    for second in 1..=120 {
        bench.now += Duration::from_secs(1);
        let leaves = (3_000_000 + second * 100_000).min(8_000_000);
        assert_eq!(bench.handle(Input::Written(leaves)), [], "{second}");
    }
    // But not for ever.
    let did = bench.pass_at_most(Duration::from_secs(60));
    assert!(did.contains(&Disconnect), "{did:?}");
}
