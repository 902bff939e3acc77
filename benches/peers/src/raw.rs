//! AMQP as bytes, without a library.

use anyhow::{Context as _, Result, bail, ensure};
use lapin::uri::AMQPUri;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;

const METHOD: u8 = 1;
pub const HEADER: u8 = 2;
pub const BODY: u8 = 3;
/// The only channel that is used.
pub const CHANNEL: u16 = 1;

/// A connection with one open channel.
pub struct Broker(BufReader<TcpStream>);

impl Broker {
    pub fn open(url: &str) -> Result<Self> {
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
        broker.ask((20, 10), &[0], (20, 11))?;
        Ok(broker)
    }

    /// Declares a durable queue.
    pub fn declare(&mut self, queue: &[u8]) -> Result<()> {
        let durable = 2;
        let declare = [&[0, 0][..], queue, &[durable], &long(b"")?].concat();
        self.ask((50, 10), &declare, (50, 11))
    }

    /// Consumes with this prefetch.
    pub fn consume(&mut self, queue: &[u8], prefetch: u16) -> Result<()> {
        let qos = [&[0; 4][..], &prefetch.to_be_bytes(), &[0]].concat();
        self.ask((60, 10), &qos, (60, 11))?;
        let consume = [&[0, 0][..], queue, &short(b"")?, &[0], &long(b"")?].concat();
        self.ask((60, 20), &consume, (60, 21))
    }

    /// The tag and the body of the next delivery.
    pub fn delivery(&mut self) -> Result<(u64, Vec<u8>)> {
        let deliver = self.read()?;
        ensure!(is(&deliver, (60, 60)), "the broker said {deliver:?}");
        let tag = 5 + usize::from(deliver[4]);
        let tag = u64::from_be_bytes(deliver[tag..tag + 8].try_into()?);
        let header = self.read()?;
        let size = usize::try_from(u64::from_be_bytes(header[4..12].try_into()?))?;
        let mut body = Vec::with_capacity(size);
        while body.len() < size {
            body.extend(self.read()?);
        }
        Ok((tag, body))
    }

    /// Whether nothing more has been read yet.
    pub fn is_drained(&self) -> bool {
        self.0.buffer().is_empty()
    }

    /// Acknowledges all deliveries up to this tag.
    pub fn acknowledge(&mut self, tag: u64) -> Result<()> {
        let multiple = 1;
        let ack = [&tag.to_be_bytes()[..], &[multiple]].concat();
        self.write(&method(CHANNEL, (60, 80), &ack)?)
    }

    pub fn close(&mut self) -> Result<()> {
        let goodbye = [&200_u16.to_be_bytes()[..], &short(b"")?, &[0; 4]].concat();
        self.write(&method(0, (10, 50), &goodbye)?)?;
        self.expect((10, 51))
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.0.get_mut().write_all(bytes)?)
    }

    pub fn ask(&mut self, id: (u8, u8), arguments: &[u8], answer: (u8, u8)) -> Result<()> {
        self.write(&method(CHANNEL, id, arguments)?)?;
        self.expect(answer)
    }

    fn expect(&mut self, id: (u8, u8)) -> Result<()> {
        let payload = self.read()?;
        ensure!(is(&payload, id), "the broker said {payload:?}");
        Ok(())
    }

    /// The next confirm, after this many.
    pub fn confirmed(&mut self, before: u64) -> Result<u64> {
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

pub fn method(channel: u16, (class, method): (u8, u8), arguments: &[u8]) -> Result<Vec<u8>> {
    frame(
        METHOD,
        channel,
        &[&[0, class, 0, method], arguments].concat(),
    )
}

pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Result<Vec<u8>> {
    let size = u32::try_from(payload.len())?.to_be_bytes();
    Ok([&[kind][..], &channel.to_be_bytes(), &size, payload, &[0xce]].concat())
}

pub fn short(text: &[u8]) -> Result<Vec<u8>> {
    Ok([&[u8::try_from(text.len())?][..], text].concat())
}

fn long(text: &[u8]) -> Result<Vec<u8>> {
    Ok([&u32::try_from(text.len())?.to_be_bytes()[..], text].concat())
}
