//! A TCP proxy before a broker, which can hold back or slow down what a client sends.

use super::Broker;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes connections on to a broker.
pub struct Proxy {
    /// The broker's URL, through the proxy.
    pub url: String,
    connections: Arc<Mutex<Vec<Arc<AtomicBool>>>>,
}

impl Proxy {
    /// Starts a proxy before `broker`.
    pub fn start(broker: &Broker) -> Self {
        Self::with_pause(broker, Duration::ZERO)
    }

    /// Starts one that takes 8 MB a second at most from the client.
    pub fn slow(broker: &Broker) -> Self {
        Self::with_pause(broker, Duration::from_millis(2))
    }

    /// Pauses so long after each piece from the client.
    fn with_pause(broker: &Broker, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (scheme, _) = broker.url.split_once("://").unwrap();
        let url = format!("{scheme}://guest:guest@{}", listener.local_addr().unwrap());
        let (_, address) = broker.url.rsplit_once('@').unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        let connections: Arc<Mutex<Vec<Arc<AtomicBool>>>> = Arc::default();
        let list = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&address) else {
                    continue;
                };
                let held = Arc::new(AtomicBool::new(false));
                list.lock().unwrap().push(Arc::clone(&held));
                let never = Arc::new(AtomicBool::new(false));
                pass(
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    held,
                    pause,
                );
                pass(server, client, never, Duration::ZERO);
            }
        });
        Self { url, connections }
    }

    /// From now on nothing that the client sends over its connection number `index` arrives.
    pub fn hold(&self, index: usize) {
        self.connections.lock().unwrap()[index].store(true, Ordering::SeqCst);
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.connections.lock().unwrap().len()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, held: Arc<AtomicBool>, pause: Duration) {
    thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            while held.load(Ordering::SeqCst) && to.peer_addr().is_ok() {
                // The end of the client must still end the connection.
                if from.peek(&mut [0]).is_ok_and(|count| count == 0) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            if held.load(Ordering::SeqCst) || to.write_all(&piece[..count]).is_err() {
                break;
            }
            thread::sleep(pause);
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}
