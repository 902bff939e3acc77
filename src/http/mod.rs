//! A small server for HTTP, for those who watch this process.
//!
//! One thread serves all: it waits for whatever socket is ready, so that a client that is slow, or
//! says nothing, costs a place and no more. Bounded are the connections at once, the bytes of a
//! request, and the time of each connection as a whole.

mod accepts;
mod address;
mod client;
mod listener;
mod request;
mod response;
mod server;

pub use accepts::accepts;
pub use address::ListenAddress;
pub use listener::{Listener, SocketFile};
pub use request::Request;
pub use response::{Response, Status};
pub use server::{OPEN_FILES, serve};
