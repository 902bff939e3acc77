//! Once a connection stands: confirms, deliveries, refusals.

use super::{
    BOTH, ESCAPES, Turn, endless_bodies, endless_headers, garbage, huge_frame, run, run_all,
};
use crate::env::fake::{
    BODY, HEARTBEAT, Peer, Step, close, content_header, deliver, deliver_as, fake_broker, frame,
    method, short, start,
};
use crate::env::{self, Admin, command, spawn};
use amiquip::{AmqpProperties, AmqpValue, Connection, FieldTable, Publish};
use std::io;

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
    run_all(&["new_task"], &[Step::Confirm], turns![heartbeats], 75);
    // More than was asked for: that connection is given up, and there is no other.
    let turns = turns![confirms, blocks, returns];
    run_all(&["new_task"], &[Step::Confirm], turns, 69);
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
    // What could not be kept is what lay too deep, and nothing else.
    let headers = admin.get().unwrap().1.headers().clone().unwrap();
    assert_eq!(headers["plain"], AmqpValue::LongString("kept".to_owned()));
    admin.delete_queue(&format!("{}.delay.30", admin.queue));
}

/// The worker gives back the task that has not begun, and wants to consume again: neither can be done any
/// more. Once it then waited for something to happen, and did not reconnect.
#[test]
fn a_connection_that_breaks_as_its_consumer_is_cancelled() {
    fn cancel_and_hang_up(peer: &mut Peer) -> io::Result<()> {
        for number in [1, 2] {
            peer.send(&deliver_as(number, 1, b"tag"))?;
            peer.send(&content_header(1, 1, b""))?;
            peer.send(&frame(BODY, 1, b"x"))?;
        }
        peer.reply(1, [60, 30], b"\x03tag\x01")?;
        // The worker asks whether the queue is still there.
        loop {
            let (_, channel, payload) = peer.frame()?;
            match payload.get(..4) {
                Some([0, 20, 0, 10]) => peer.reply(channel, [20, 11], &[0; 4])?,
                Some([0, 50, 0, 10]) => {
                    peer.reply(channel, [50, 11], &[b"\x01q", &[0; 8][..]].concat())?;
                    return peer.hang_up();
                }
                _ => {}
            }
        }
    }
    let url = fake_broker(Step::Consuming, cancel_and_hang_up);
    let mut worker = command("worker");
    worker.args(["-u", &url, "--retry-for", "500ms", "--prefetch", "2"]);
    // The end of the task would wake the worker.
    worker.args(["--grace", "0s", "--", "sleep", "600"]);
    spawn(worker)
        .ended()
        .expect(69)
        .says("the broker cancelled the consumer")
        .says("connection refused");
}
