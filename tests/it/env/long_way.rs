//! A link to a broker that takes its time, and counts how often a client waits for an answer.

use super::Broker;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A TCP proxy over which every byte takes the same time each way, however many there are.
pub struct LongWay {
    /// The broker's URL, the long way round.
    pub url: String,
    trips: Arc<Trips>,
}

#[derive(Default)]
struct Trips {
    count: AtomicU32,
    /// The client has said something since it last heard something.
    asked: AtomicBool,
}

impl LongWay {
    /// A link to `broker` that takes `each_way`.
    pub fn to(broker: &Broker, each_way: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("amqp://guest:guest@{}", listener.local_addr().unwrap());
        let (_, address) = broker.url.rsplit_once('@').unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        let trips: Arc<Trips> = Arc::default();
        let (asking, answering) = (Arc::clone(&trips), Arc::clone(&trips));
        thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(&address).unwrap();
            for end in [&client, &server] {
                end.set_nodelay(true).unwrap();
            }
            let (to_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            carry(client, to_server, each_way, move || {
                asking.asked.store(true, Ordering::SeqCst);
            });
            carry(server, to_client, each_way, move || {
                if answering.asked.swap(false, Ordering::SeqCst) {
                    answering.count.fetch_add(1, Ordering::SeqCst);
                }
            });
        });
        Self { url, trips }
    }

    /// How often the client has waited for an answer: it said something, and then heard something.
    pub fn round_trips(&self) -> u32 {
        self.trips.count.load(Ordering::SeqCst)
    }
}

/// Carries bytes; `arrived` is told before they arrive.
fn carry(mut from: TcpStream, to: TcpStream, time: Duration, arrived: impl Fn() + Send + 'static) {
    let (sender, pieces) = channel();
    thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            let due = Instant::now() + time;
            if sender.send((due, piece[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || deliver(&pieces, to, &arrived));
}

fn deliver(pieces: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream, arrived: &impl Fn()) {
    for (due, piece) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        arrived();
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
