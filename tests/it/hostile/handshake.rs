//! Before a connection stands.

use super::{
    BOTH, Turn, deep_table, endless_headers, endless_heartbeats, garbage, goodbye, half_a_frame,
    huge_frame, run, run_all,
};
use crate::env::fake::{Peer, Step, close, method, start, start_with, tune};
use std::io;

fn half_a_frame_and_goodbye(peer: &mut Peer) -> io::Result<()> {
    let whole = start(b"PLAIN", b"en_US");
    peer.send(&whole[..whole.len() / 2])?;
    peer.hang_up()
}

fn drip(peer: &mut Peer) -> io::Result<()> {
    peer.drip(&start(b"PLAIN", b"en_US"))
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
        .says("sent nothing for two heartbeats");
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
        .says("sent nothing for two heartbeats");
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
fn server_properties_that_lie_too_deep() {
    fn deep(peer: &mut Peer) -> io::Result<()> {
        peer.send(&start_with(&deep_table(20_000), b"PLAIN", b"en_US"))?;
        peer.hang_up()
    }
    run_all(&BOTH, &[Step::Start], turns![deep], 69);
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
