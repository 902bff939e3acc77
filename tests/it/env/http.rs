//! A server for HTTP that answers as a test wants.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server for HTTP. It serves until the tests end.
pub struct Http {
    /// `host:port`.
    pub address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Http {
    /// Answers each request by `answer`, which gets its number, from 0, and the connection.
    pub fn serve(answer: impl Fn(u32, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let (answer, count) = (Arc::new(answer), AtomicU32::new(0));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                let number = count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    seen.lock().unwrap().push(head(&mut socket));
                    answer(number, socket);
                });
            }
        });
        Self { address, requests }
    }

    /// What came so far: the head of each request.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// The head of a request, or as much of it as comes.
fn head(socket: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && socket.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}
