//! The broker's own limit: frames made beforehand are written, confirms are counted, and nothing
//! else is done. No client that sends the same can be faster.

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use lapin::uri::AMQPUri;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
/// The only channel that is used.
const CHANNEL: u16 = 1;
/// Of the properties in a content header: `delivery_mode`, `message_id`, `timestamp`.
const FLAGS: u16 = 1 << 12 | 1 << 7 | 1 << 6;
const PERSISTENT: u8 = 2;
/// What `new_task` gives every task, as long as there.
const ID: &[u8] = b"0193a000-0000-7000-8000-000000000000";

#[derive(Args)]
pub struct Frames {
    /// The broker, without TLS
    #[arg(long, env = "AMQP_URL")]
    url: String,
    /// The queue, declared durable
    #[arg(long)]
    queue: String,
    /// How many tasks
    #[arg(long)]
    count: u64,
    /// Unconfirmed tasks at a time
    #[arg(long, default_value_t = 1000)]
    window: u64,
    /// The body
    #[arg(long, default_value = "0123456789abcdef")]
    body: String,
}

impl Frames {
    pub fn run(&self) -> Result<()> {
        let mut broker = Broker::open(&self.url)?;
        let queue = short(self.queue.as_bytes())?;
        broker.ask((20, 10), &[0], (20, 11))?;
        let durable = 2;
        let declare = [&[0, 0][..], &queue, &[durable], &long(b"")?].concat();
        broker.ask((50, 10), &declare, (50, 11))?;
        broker.ask((85, 10), &[0], (85, 11))?;
        let task = self.task(&queue)?;
        let window = task.repeat(usize::try_from(self.window)?);
        let (mut sent, mut confirmed) = (0, 0);
        while confirmed < self.count {
            let free = self.window - (sent - confirmed);
            if free >= self.window.div_ceil(2) && sent < self.count {
                let more = free.min(self.count - sent);
                broker.write(&window[..task.len() * usize::try_from(more)?])?;
                sent += more;
            }
            confirmed = broker.confirmed(confirmed)?;
        }
        let goodbye = [&200_u16.to_be_bytes()[..], &short(b"")?, &[0; 4]].concat();
        broker.write(&method(0, (10, 50), &goodbye)?)?;
        broker.expect((10, 51))
    }

    /// The frames of one task.
    fn task(&self, queue: &[u8]) -> Result<Vec<u8>> {
        let mandatory = 1;
        let publish = [&[0, 0][..], &short(b"")?, queue, &[mandatory]].concat();
        let size = self.body.len() as u64;
        let header = [
            &[0, 60, 0, 0][..],
            &size.to_be_bytes(),
            &FLAGS.to_be_bytes(),
            &[PERSISTENT],
            &short(ID)?,
            &1_700_000_000_u64.to_be_bytes(),
        ];
        Ok([
            method(CHANNEL, (60, 40), &publish)?,
            frame(HEADER, CHANNEL, &header.concat())?,
            frame(BODY, CHANNEL, self.body.as_bytes())?,
        ]
        .concat())
    }
}

struct Broker(BufReader<TcpStream>);

impl Broker {
    fn open(url: &str) -> Result<Self> {
        let uri: AMQPUri = url.parse().map_err(anyhow::Error::msg)?;
        let at = (uri.authority.host.as_str(), uri.authority.port);
        let stream = TcpStream::connect(at).context("cannot connect")?;
        stream.set_nodelay(true)?;
        let mut broker = Self(BufReader::new(stream));
        broker.write(b"AMQP\0\0\x09\x01")?;
        broker.expect((10, 10))?;
        let who = &uri.authority.userinfo;
        let secret = format!("\0{}\0{}", who.username, who.password);
        let start_ok = [
            long(b"")?,
            short(b"PLAIN")?,
            long(secret.as_bytes())?,
            short(b"en_US")?,
        ];
        broker.write(&method(0, (10, 11), &start_ok.concat())?)?;
        broker.expect((10, 30))?;
        // Channels, bytes in a frame, and no heartbeats.
        let tune_ok = [
            &2047_u16.to_be_bytes()[..],
            &131_072_u32.to_be_bytes(),
            &[0; 2],
        ]
        .concat();
        let open = [&short(uri.vhost.as_bytes())?[..], &[0, 0]].concat();
        let both = [method(0, (10, 31), &tune_ok)?, method(0, (10, 40), &open)?];
        broker.write(&both.concat())?;
        broker.expect((10, 41))?;
        Ok(broker)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.get_mut().write_all(bytes)?)
    }

    fn ask(&mut self, id: (u8, u8), arguments: &[u8], answer: (u8, u8)) -> Result<()> {
        self.write(&method(CHANNEL, id, arguments)?)?;
        self.expect(answer)
    }

    fn expect(&mut self, id: (u8, u8)) -> Result<()> {
        let payload = self.read()?;
        ensure!(is(&payload, id), "the broker said {payload:?}");
        Ok(())
    }

    /// The next confirm, after this many.
    fn confirmed(&mut self, before: u64) -> Result<u64> {
        let payload = self.read()?;
        ensure!(is(&payload, (60, 80)), "the broker said {payload:?}");
        let tag = u64::from_be_bytes(payload[4..12].try_into()?);
        if payload[12] & 1 == 0 && tag != before + 1 {
            bail!("confirm {tag} came after {before}");
        }
        Ok(tag)
    }

    fn read(&mut self) -> Result<Vec<u8>> {
        let mut head = [0; 7];
        self.0.read_exact(&mut head)?;
        let size = u32::from_be_bytes(head[3..].try_into()?);
        let mut payload = vec![0; size as usize + 1];
        self.0.read_exact(&mut payload)?;
        payload.pop();
        Ok(payload)
    }
}

fn is(payload: &[u8], (class, method): (u8, u8)) -> bool {
    payload.starts_with(&[0, class, 0, method])
}

fn method(channel: u16, (class, method): (u8, u8), arguments: &[u8]) -> Result<Vec<u8>> {
    frame(
        METHOD,
        channel,
        &[&[0, class, 0, method], arguments].concat(),
    )
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Result<Vec<u8>> {
    let size = u32::try_from(payload.len())?.to_be_bytes();
    Ok([&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xce]].concat())
}

fn short(text: &[u8]) -> Result<Vec<u8>> {
    Ok([&[u8::try_from(text.len())?][..], text].concat())
}

fn long(text: &[u8]) -> Result<Vec<u8>> {
    Ok([&u32::try_from(text.len())?.to_be_bytes()[..], text].concat())
}
