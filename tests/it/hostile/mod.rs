//! Peers that send garbage, too much, too slowly, or what would crash a client. The two commands
//! must end in time, with a clear error and little memory, and show nothing that a terminal obeys.

/// Turns with their names.
macro_rules! turns {
    ($($turn:ident),* $(,)?) => { &[$((stringify!($turn), $turn as Turn)),*] };
}

mod channel;
mod handshake;

use crate::env::fake::{
    BODY, HEARTBEAT, METHOD, Peer, Step, content_header, fake_broker, frame, start,
};
use crate::env::{self, command, spawn};
use std::io;

/// A task's worth of memory, and far below what a peer could make a careless client reserve.
const MEMORY_MAX: u64 = 64 << 10;

/// Tries to write on the terminal: clears it, sets its title, rings, writes from right to left.
const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}\r\n";

/// What a peer does when it is its turn.
type Turn = fn(&mut Peer) -> io::Result<()>;

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

fn goodbye(peer: &mut Peer) -> io::Result<()> {
    peer.hang_up()
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
