//! Peers that send garbage, too much, too slowly, or what would crash a client. The two commands
//! must end in time, with a clear error and little memory, and show nothing that a terminal obeys.

use crate::env::fake::{
    BODY, HEARTBEAT, METHOD, Peer, Step, close, content_header, deliver, fake_broker, frame,
    method, short, start, start_with, tune,
};
use crate::env::{self, Admin, command, spawn};
use amiquip::{AmqpProperties, AmqpValue, Connection, FieldTable, Publish};
use std::io;

/// A task's worth of memory, and far below what a peer could make a careless client reserve.
const MEMORY_MAX: u64 = 64 << 10;

/// Tries to write on the terminal: clears it, sets its title, rings, writes from right to left.
const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\r\n";

/// What a peer does when it is its turn.
type Turn = fn(&mut Peer) -> io::Result<()>;

/// The same by their names.
macro_rules! turns {
    ($($turn:ident),* $(,)?) => { &[$((stringify!($turn), $turn as Turn)),*] };
}

/// Runs a command against a peer that turns hostile at `step`. The time-outs that the user can
/// set are short, so that what is left is those that hold anyway.
fn run(name: &str, step: Step, turn: Turn) -> env::Ended {
    let url = fake_broker(step, turn);
    let mut command = command(name);
    command.args(["-u", &url, "--retry-for", "0s", "--heartbeat", "1s"]);
    command.args(["--connect-timeout", "700ms"]);
    if name == "new_task" {
        command.args(["--confirm-timeout", "1s"]);
    }
    let (ended, peak) = spawn(command).ended_with_peak();
    let what = format!("{step:?}, {peak} KiB\n{ended}");
    assert!(peak < MEMORY_MAX, "{what}");
    assert!(!ended.stderr.contains("panicked"), "{what}");
    assert!(!ended.stderr.contains("secret"), "{what}");
    for text in [&ended.stdout, &ended.stderr] {
        assert!(is_harmless(text), "{what}");
    }
    let last = ended.stderr.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: "), "{what}");
    ended
}

fn is_harmless(text: &str) -> bool {
    !text
        .chars()
        .any(|c| (c.is_control() && c != '\n') || c == '\u{202e}')
}

/// All commands, steps and turns, a few at a time. Each must end with `code`.
fn run_all(names: &[&str], steps: &[Step], turns: &[(&str, Turn)], code: i32) {
    let mut runs = Vec::new();
    for step in steps {
        for name in names {
            runs.extend(turns.iter().map(|turn| (*name, *step, *turn)));
        }
    }
    for some in runs.chunks(4) {
        std::thread::scope(|scope| {
            for (name, step, (what, turn)) in some {
                let thread = std::thread::Builder::new().name((*what).to_owned());
                let started = thread.spawn_scoped(scope, move || {
                    run(name, *step, *turn).expect(code);
                });
                started.unwrap();
            }
        });
    }
}

const BOTH: [&str; 2] = ["new_task", "worker"];

fn garbage(peer: &mut Peer) -> io::Result<()> {
    // Without a pattern, and without chance: a multiplicative generator.
    let mut state = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(48_271) % 0x7fff_ffff;
        state.to_le_bytes()[1]
    })
    .take(4096)
    .collect();
    peer.send(&bytes)?;
    peer.silence()
}

fn half_a_frame(peer: &mut Peer) -> io::Result<()> {
    let whole = start(b"PLAIN", b"en_US");
    peer.send(&whole[..whole.len() / 2])?;
    peer.silence()
}

fn half_a_frame_and_goodbye(peer: &mut Peer) -> io::Result<()> {
    let whole = start(b"PLAIN", b"en_US");
    peer.send(&whole[..whole.len() / 2])?;
    peer.hang_up()
}

fn goodbye(peer: &mut Peer) -> io::Result<()> {
    peer.hang_up()
}

fn drip(peer: &mut Peer) -> io::Result<()> {
    peer.drip(&start(b"PLAIN", b"en_US"))
}

fn huge_frame(peer: &mut Peer) -> io::Result<()> {
    peer.send(&[METHOD, 0, 0, 0xff, 0xff, 0xff, 0xff])?;
    peer.send_for_ever(&[0])
}

fn endless_headers(peer: &mut Peer) -> io::Result<()> {
    peer.send_for_ever(&content_header(1, 10, b""))
}

fn endless_bodies(peer: &mut Peer) -> io::Result<()> {
    peer.send_for_ever(&frame(BODY, 1, &vec![0; 60_000]))
}

fn endless_heartbeats(peer: &mut Peer) -> io::Result<()> {
    peer.send_for_ever(&frame(HEARTBEAT, 0, b""))
}

fn endless_starts(peer: &mut Peer) -> io::Result<()> {
    peer.send_for_ever(&start(b"PLAIN", b"en_US"))
}

#[test]
fn every_step_of_the_handshake() {
    let turns: &[(&str, Turn)] = turns![
        garbage,
        half_a_frame,
        half_a_frame_and_goodbye,
        goodbye,
        drip,
        huge_frame,
        endless_headers,
        endless_heartbeats,
        endless_starts,
    ];
    run_all(&BOTH, &Step::HANDSHAKE, turns, 69);
}

#[test]
fn silence_after_the_handshake_ends_with_the_heartbeat() {
    fn silence(peer: &mut Peer) -> io::Result<()> {
        peer.silence()
    }
    run("worker", Step::Consuming, silence)
        .expect(69)
        .says("silent for two heartbeats");
}

#[test]
fn a_peer_without_heartbeats_is_given_up_all_the_same() {
    fn no_heartbeat(peer: &mut Peer) -> io::Result<()> {
        peer.send(&tune(0, 0, 0))?;
        peer.send(&method(0, [10, 41], &[0]))?;
        peer.silence()
    }
    run("worker", Step::Tune, no_heartbeat)
        .expect(69)
        .says("silent for two heartbeats");
}

#[test]
fn every_step_after_the_handshake() {
    fn unknown_channel(peer: &mut Peer) -> io::Result<()> {
        peer.reply(999, [50, 11], &[b"\x01q", &[0; 8][..]].concat())?;
        peer.silence()
    }
    fn the_wrong_answer(peer: &mut Peer) -> io::Result<()> {
        peer.reply(1, [90, 11], b"")?;
        peer.silence()
    }
    fn a_clients_method(peer: &mut Peer) -> io::Result<()> {
        peer.reply(1, [60, 40], &[0; 20])?;
        peer.silence()
    }
    fn content_on_channel_0(peer: &mut Peer) -> io::Result<()> {
        peer.send(&content_header(0, 1, b""))?;
        peer.silence()
    }
    fn answers_cut_short(peer: &mut Peer) -> io::Result<()> {
        for id in [[20, 11], [50, 11], [60, 21], [60, 60], [60, 80], [60, 50]] {
            peer.reply(1, id, b"\xff")?;
        }
        peer.silence()
    }
    let turns: &[(&str, Turn)] = turns![
        garbage,
        huge_frame,
        endless_headers,
        endless_bodies,
        unknown_channel,
        the_wrong_answer,
        a_clients_method,
        content_on_channel_0,
        answers_cut_short,
    ];
    let steps = [Step::ChannelOpenOk, Step::DeclareOk, Step::Consuming];
    run_all(&["worker"], &steps, turns, 69);
    run_all(&["new_task"], &[Step::ChannelOpenOk], turns, 69);
    for (what, turn) in turns {
        // Some only keep the confirm from coming.
        let ended = run("new_task", Step::Confirm, *turn);
        let code = ended.status.code();
        assert!(matches!(code, Some(69 | 75)), "{what}\n{ended}");
        assert_eq!(ended.stdout, "", "{what}");
    }
}

#[test]
fn what_is_no_confirm_confirms_nothing() {
    fn other_tags(peer: &mut Peer) -> io::Result<()> {
        for tag in [0_u64, 2, u64::MAX] {
            for id in [80, 120] {
                peer.reply(1, [60, id], &[&tag.to_be_bytes()[..], &[0]].concat())?;
            }
        }
        peer.silence()
    }
    let ended = run("new_task", Step::Confirm, other_tags);
    assert_eq!(ended.expect(75).stdout, "");
}

#[test]
fn the_peers_words_are_shown_harmless() {
    fn mechanisms(peer: &mut Peer) -> io::Result<()> {
        peer.send(&start(ESCAPES.as_bytes(), b"en_US"))?;
        peer.silence()
    }
    fn locales(peer: &mut Peer) -> io::Result<()> {
        peer.send(&start(b"PLAIN", ESCAPES.as_bytes()))?;
        peer.silence()
    }
    fn close_connection(peer: &mut Peer) -> io::Result<()> {
        let text = ESCAPES.repeat(255 / ESCAPES.len());
        peer.send(&close(0, [10, 50], 541, text.as_bytes()))?;
        peer.silence()
    }
    fn close_channel(peer: &mut Peer) -> io::Result<()> {
        peer.send(&close(1, [20, 40], 404, ESCAPES.as_bytes()))?;
        peer.silence()
    }
    fn a_consumer_of_that_name(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, ESCAPES.as_bytes()))?;
        peer.send(&content_header(1, 0, b""))?;
        peer.silence()
    }
    fn block(peer: &mut Peer) -> io::Result<()> {
        peer.reply(0, [10, 60], &short(ESCAPES.as_bytes()))?;
        peer.silence()
    }
    fn unroutable(peer: &mut Peer) -> io::Result<()> {
        let arguments = [
            vec![1, 56],
            short(ESCAPES.as_bytes()),
            short(b""),
            short(b"q"),
        ];
        peer.reply(1, [60, 50], &arguments.concat())?;
        peer.send(&content_header(1, 0, b""))?;
        peer.reply(1, [60, 80], &[0, 0, 0, 0, 0, 0, 0, 1, 0])?;
        peer.silence()
    }
    let shown = |ended: env::Ended| ended.says(r"\x1b[2J");
    for name in BOTH {
        shown(run(name, Step::Start, mechanisms).expect(77));
        shown(run(name, Step::Start, locales).expect(69));
        for step in [Step::Tune, Step::OpenOk, Step::ChannelOpenOk] {
            shown(run(name, step, close_connection).expect(69));
        }
    }
    shown(run("worker", Step::DeclareOk, close_connection).expect(69));
    shown(run("worker", Step::DeclareOk, close_channel).expect(73));
    shown(run("worker", Step::Consuming, close_channel).expect(73));
    shown(run("worker", Step::Consuming, a_consumer_of_that_name).expect(69));
    shown(run("new_task", Step::Confirm, close_connection).expect(69));
    shown(run("new_task", Step::Confirm, close_channel).expect(73));
    shown(run("new_task", Step::Confirm, block).expect(75));
    shown(run("new_task", Step::Confirm, unroutable).expect(75));
}

#[test]
fn tuning_that_cannot_be() {
    fn small_frames(peer: &mut Peer) -> io::Result<()> {
        peer.send(&tune(2047, 1, 60))?;
        peer.silence()
    }
    fn almost_enough(peer: &mut Peer) -> io::Result<()> {
        peer.send(&tune(2047, 4095, 60))?;
        peer.silence()
    }
    fn anything(peer: &mut Peer) -> io::Result<()> {
        peer.send(&tune(u16::MAX, u32::MAX, u16::MAX))?;
        peer.send(&method(0, [10, 41], &[0]))?;
        peer.hang_up()
    }
    run_all(
        &BOTH,
        &[Step::Tune],
        turns![small_frames, almost_enough, anything],
        69,
    );
}

#[test]
fn deliveries_that_cannot_be() {
    fn of_no_consumer(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, b"other"))?;
        peer.send(&content_header(1, 0, b""))?;
        peer.silence()
    }
    fn larger_than_any(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, b"tag"))?;
        peer.send(&content_header(1, 1 << 63, b""))?;
        peer.send_for_ever(&frame(BODY, 1, &vec![0; 60_000]))
    }
    fn larger_than_announced(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, b"tag"))?;
        peer.send(&content_header(1, 10, b""))?;
        peer.send(&frame(BODY, 1, b"more than ten bytes"))?;
        peer.silence()
    }
    fn announced_and_never_sent(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, b"tag"))?;
        peer.send(&content_header(1, 512 << 20, b""))?;
        peer.silence()
    }
    fn two_at_once(peer: &mut Peer) -> io::Result<()> {
        peer.send(&deliver(1, b"tag"))?;
        peer.send(&deliver(1, b"tag"))?;
        peer.silence()
    }
    fn more_than_asked_for(peer: &mut Peer) -> io::Result<()> {
        let one = [
            deliver(1, b"tag"),
            content_header(1, 10_000, b""),
            frame(BODY, 1, &[b'x'; 10_000]),
        ];
        peer.send_for_ever(&one.concat())
    }
    let turns: &[(&str, Turn)] = turns![
        of_no_consumer,
        larger_than_any,
        larger_than_announced,
        announced_and_never_sent,
        two_at_once,
        more_than_asked_for,
    ];
    run_all(&["worker"], &[Step::Consuming], turns, 69);
}

#[test]
fn what_comes_without_end_while_a_confirm_is_awaited() {
    fn heartbeats(peer: &mut Peer) -> io::Result<()> {
        peer.send_for_ever(&frame(HEARTBEAT, 0, b""))
    }
    fn confirms(peer: &mut Peer) -> io::Result<()> {
        peer.send_for_ever(&method(1, [60, 80], &[0, 0, 0, 0, 0, 0, 0, 2, 0]))
    }
    fn blocks(peer: &mut Peer) -> io::Result<()> {
        peer.send_for_ever(&method(0, [10, 60], &short(&[b'!'; 255])))
    }
    fn returns(peer: &mut Peer) -> io::Result<()> {
        let arguments = [vec![1, 56], short(b"why"), short(b""), short(b"q")].concat();
        let content = [content_header(1, 10_000, b""), frame(BODY, 1, &[0; 10_000])].concat();
        peer.send_for_ever(&[method(1, [60, 50], &arguments), content].concat())
    }
    run_all(
        &["new_task"],
        &[Step::Confirm],
        turns![heartbeats, confirms, blocks, returns],
        75,
    );
}

#[test]
fn server_properties_that_lie_too_deep() {
    fn deep(peer: &mut Peer) -> io::Result<()> {
        peer.send(&start_with(&deep_table(20_000), b"PLAIN", b"en_US"))?;
        peer.hang_up()
    }
    run_all(&BOTH, &[Step::Start], turns![deep], 69);
}

/// A table with one entry of lists in lists.
fn deep_table(levels: usize) -> Vec<u8> {
    // From the inside out, written backwards.
    let mut reversed = b"V".to_vec();
    for _ in 0..levels {
        let length = u32::try_from(reversed.len()).unwrap().to_le_bytes();
        reversed.extend(length);
        reversed.push(b'A');
    }
    reversed.extend(b"h\x01");
    reversed.reverse();
    reversed
}

#[test]
fn a_task_whose_headers_lie_too_deep_ends_no_worker() {
    let broker = env::shared();
    let admin = Admin::new(broker, "deep");
    admin.declare();
    let (url, queue) = (broker.url.clone(), admin.queue.clone());
    // amiquip calls itself for each level, on this side too: on a stack of its own.
    let publisher = std::thread::Builder::new().stack_size(1 << 29);
    let sending = publisher.spawn(move || {
        let mut value = AmqpValue::Void;
        for _ in 0..1500 {
            value = AmqpValue::FieldArray(vec![value]);
        }
        let headers = [
            ("deep".to_owned(), value),
            ("plain".to_owned(), AmqpValue::LongString("kept".to_owned())),
        ];
        let properties = AmqpProperties::default()
            .with_delivery_mode(2)
            .with_headers(headers.into_iter().collect::<FieldTable>());
        let mut connection = Connection::insecure_open(&url).unwrap();
        let channel = connection.open_channel(None).unwrap();
        let publish = Publish::with_properties(b"x", queue, properties);
        channel.basic_publish("", publish).unwrap();
        connection.close().unwrap();
    });
    sending.unwrap().join().unwrap();
    // It fails, is tried again, becomes a dead letter, is listed and sent anew.
    let words = ["sh", "-c", "echo $TASK_HEADER_PLAIN; false"].map(str::to_owned);
    let options = ["--retries", "1", "--backoff", "30ms", "--max-tasks", "2"];
    let ended = env::worker_with(broker, &admin.queue, &options, &words)
        .ended()
        .expect(0);
    assert_eq!(ended.events("dead_lettered").len(), 1, "{ended}");
    assert_eq!(ended.stderr.matches("kept").count(), 2, "{ended}");
    for looks in ["--list-dead", "--replay-dead"] {
        let mut command = command("worker");
        command.args(["-u", &broker.url, "-q", &admin.queue, looks]);
        spawn(command).ended().expect(0);
    }
    assert_eq!(admin.ready(), 1);
    // What could not be kept is what lay too deep, and nothing beside it.
    let headers = admin.get().unwrap().1.headers().clone().unwrap();
    assert_eq!(headers["plain"], AmqpValue::LongString("kept".to_owned()));
    admin.delete_queue(&format!("{}.delay.30", admin.queue));
}

#[test]
fn a_close_right_behind_the_opening_is_no_refusal() {
    const WORDS: &str = "NOT_ALLOWED - come back later";
    let turn: Turn = |peer| {
        let open_ok = method(0, [10, 41], &[0]);
        peer.send(&[open_ok, close(0, [10, 50], 530, WORDS.as_bytes())].concat())?;
        peer.silence()
    };
    for name in ["new_task", "worker"] {
        run(name, Step::OpenOk, turn).expect(69).says(WORDS);
    }
}
