//! A peer that speaks AMQP as a broker does, up to a step at which it turns hostile.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

pub const METHOD: u8 = 1;
pub const CONTENT_HEADER: u8 = 2;
pub const BODY: u8 = 3;
pub const HEARTBEAT: u8 = 8;

/// The flag of `queue.declare` that wants no answer.
const NO_WAIT: u8 = 1 << 4;

/// Where a conversation has come to, when it is the broker's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The connection is accepted, nothing has been read.
    Accepted,
    /// The client has sent its protocol header: `connection.start` is due.
    Start,
    /// The client has logged in: `connection.tune` is due.
    Tune,
    /// The client has opened the vhost: `connection.open-ok` is due.
    OpenOk,
    /// The client wants a channel: `channel.open-ok` is due.
    ChannelOpenOk,
    /// The worker wants the queue declared: `queue.declare-ok` is due.
    DeclareOk,
    /// The worker consumes: `basic.consume-ok` has been sent.
    Consuming,
    /// `new_task` has published: the confirm is due.
    Confirm,
}

impl Step {
    /// The handshake, in order.
    pub const HANDSHAKE: [Self; 4] = [Self::Accepted, Self::Start, Self::Tune, Self::OpenOk];
}

/// Listens for one connection, on which `turn` is played at `step`. The next one is refused.
/// Returns the URL.
pub fn fake_broker(
    step: Step,
    turn: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("amqp://guest:secret@{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        drop(listener);
        let mut peer = Peer {
            socket,
            received: VecDeque::new(),
        };
        // The client has hung up when this fails, which is what is wanted.
        let _ = peer.play(step, turn);
    });
    url
}

/// The other end of a client's connection.
pub struct Peer {
    socket: TcpStream,
    received: VecDeque<u8>,
}

impl Peer {
    fn play(
        &mut self,
        step: Step,
        turn: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut turn = Some(turn);
        let mut is_due = |now: Step| if now == step { turn.take() } else { None };
        if let Some(turn) = is_due(Step::Accepted) {
            return turn(self);
        }
        self.take(8)?;
        if let Some(turn) = is_due(Step::Start) {
            return turn(self);
        }
        self.send(&start(b"PLAIN", b"en_US"))?;
        loop {
            let (kind, channel, payload) = self.frame()?;
            let method = match payload.get(..4) {
                Some(id) if kind == METHOD => [id[1], id[3]],
                _ if kind == BODY => [0, BODY],
                _ => continue,
            };
            let now = match method {
                [10, 11] => Some(Step::Tune),
                [10, 40] => Some(Step::OpenOk),
                [20, 10] => Some(Step::ChannelOpenOk),
                [50, 10] => Some(Step::DeclareOk),
                [0, BODY] => Some(Step::Confirm),
                _ => None,
            };
            if let Some(turn) = now.and_then(&mut is_due) {
                return turn(self);
            }
            match method {
                [10, 11] => self.send(&tune(2047, 131_072, 60))?,
                [10, 40] => self.reply(0, [10, 41], &[0])?,
                [20, 10] => self.reply(channel, [20, 11], &[0; 4])?,
                // `new_task` does not wait for it.
                [50, 10] if payload[7 + usize::from(payload[6])] & NO_WAIT != 0 => {}
                [50, 10] => self.reply(channel, [50, 11], &[b"\x01q", &[0; 8][..]].concat())?,
                [60, 10] => self.reply(channel, [60, 11], b"")?,
                [60, 20] => {
                    self.reply(channel, [60, 21], b"\x03tag")?;
                    if let Some(turn) = is_due(Step::Consuming) {
                        return turn(self);
                    }
                }
                [60, 30] => self.reply(channel, [60, 31], b"\x03tag")?,
                [0, BODY] => self.reply(channel, [60, 80], &[0, 0, 0, 0, 0, 0, 0, 1, 0])?,
                [20, 40] => self.reply(channel, [20, 41], b"")?,
                [10, 50] => self.reply(0, [10, 51], b"")?,
                _ => {}
            }
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Sends a method.
    pub fn reply(&mut self, channel: u16, id: [u8; 2], arguments: &[u8]) -> io::Result<()> {
        self.send(&method(channel, id, arguments))
    }

    /// Sends the same until the client hangs up.
    pub fn send_for_ever(&mut self, bytes: &[u8]) -> io::Result<()> {
        // In pieces of a size that keeps the client, and not this end, busy.
        let piece = bytes.repeat((64 << 10) / bytes.len() + 1);
        loop {
            self.send(&piece)?;
        }
    }

    /// Sends one byte after the other, so slowly that no time-out between bytes notices it.
    pub fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes.iter().cycle() {
            self.send(&[*byte])?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Says nothing more, until the client hangs up.
    pub fn silence(&mut self) -> io::Result<()> {
        loop {
            self.take(1)?;
        }
    }

    /// Closes the connection.
    pub fn hang_up(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Both)
    }

    /// The client's next frame: type, channel and payload.
    pub fn frame(&mut self) -> io::Result<(u8, u16, Vec<u8>)> {
        let header = self.take(7)?;
        let size = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
        let mut payload = self.take(size as usize + 1)?;
        payload.pop();
        let channel = u16::from_be_bytes([header[1], header[2]]);
        Ok((header[0], channel, payload))
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut piece = [0; 4096];
        while self.received.len() < count {
            match self.socket.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.received.extend(&piece[..read]),
            }
        }
        Ok(self.received.drain(..count).collect())
    }
}

/// A frame.
pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(channel.to_be_bytes());
    frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend(payload);
    frame.push(0xce);
    frame
}

/// A method frame: class and method, both below 256, and the arguments.
pub fn method(channel: u16, [class, method]: [u8; 2], arguments: &[u8]) -> Vec<u8> {
    frame(
        METHOD,
        channel,
        &[&[0, class, 0, method], arguments].concat(),
    )
}

/// AMQP's long string.
pub fn long(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&length, text].concat()
}

/// AMQP's short string: at most 255 bytes.
pub fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

/// `connection.start`.
///
/// It is a new one: for older ones we do more.
pub fn start(mechanisms: &[u8], locales: &[u8]) -> Vec<u8> {
    let version = [&short(b"version")[..], b"S", &long(b"4.3.0")].concat();
    start_with(&version, mechanisms, locales)
}

/// `connection.start` with the server's properties.
pub fn start_with(properties: &[u8], mechanisms: &[u8], locales: &[u8]) -> Vec<u8> {
    let arguments = [
        vec![0, 9],
        long(properties),
        long(mechanisms),
        long(locales),
    ];
    method(0, [10, 10], &arguments.concat())
}

/// `connection.tune`.
pub fn tune(channel_max: u16, frame_max: u32, heartbeat: u16) -> Vec<u8> {
    let mut arguments = channel_max.to_be_bytes().to_vec();
    arguments.extend(frame_max.to_be_bytes());
    arguments.extend(heartbeat.to_be_bytes());
    method(0, [10, 30], &arguments)
}

/// `connection.close` or `channel.close`.
pub fn close(channel: u16, id: [u8; 2], code: u16, text: &[u8]) -> Vec<u8> {
    let arguments = [code.to_be_bytes().to_vec(), short(text), vec![0; 4]];
    method(channel, id, &arguments.concat())
}

/// The first `basic.deliver` to a consumer, without the content.
pub fn deliver(channel: u16, tag: &[u8]) -> Vec<u8> {
    deliver_as(1, channel, tag)
}

/// `basic.deliver` with this number, without the content.
pub fn deliver_as(number: u8, channel: u16, tag: &[u8]) -> Vec<u8> {
    let arguments = [
        short(tag),
        vec![0, 0, 0, 0, 0, 0, 0, number, 0],
        short(b""),
        short(b"q"),
    ];
    method(channel, [60, 60], &arguments.concat())
}

/// A content header that announces a body of this size, with headers if there are any.
pub fn content_header(channel: u16, size: u64, headers: &[u8]) -> Vec<u8> {
    let flags: [u8; 2] = if headers.is_empty() {
        [0, 0]
    } else {
        [0x20, 0]
    };
    let mut payload = [&[0, 60, 0, 0][..], &size.to_be_bytes(), &flags].concat();
    if !headers.is_empty() {
        payload.extend(long(headers));
    }
    frame(CONTENT_HEADER, channel, &payload)
}
