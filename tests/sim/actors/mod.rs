//! The processes of a run: senders and workers. Each joins the real cores to the world as the shells
//! around them do, and nothing more.

mod command;
mod consuming;
mod publishing;
mod sender;
mod side;
mod worker;

pub use command::Kind;
pub use sender::{Mode, Order, Sender, SenderPlan};
pub use side::typed;
pub use worker::{Host, Life, WorkerActor, WorkerPlan};

use crate::broker::method::Reply as Said;
use std::rc::Rc;
use work_queue::base::fault::{Fault, Kind as FaultKind, Reply};
use work_queue::publisher::core::Payload;
use work_queue::task::Task;

/// A message on its way through a publishing core.
#[derive(Clone, Debug)]
pub struct Parcel(pub Rc<Task>);

impl Payload for Parcel {
    fn id(&self) -> Option<&str> {
        self.0.properties.id()
    }

    fn body_len(&self) -> usize {
        self.0.body.len()
    }

    fn header_len(&self) -> usize {
        self.0.properties.header_len()
    }
}

/// Why a channel was closed, as the wall around the client library tells it.
fn channel_fault(code: u16, text: String) -> Fault {
    work_queue::base::refusal::explain(Reply { code, text })
}

/// Why a connection was closed, or that it is gone.
fn connection_fault(said: Option<&Said>) -> Fault {
    match said {
        Some(Said::ConnectionClosed { code, text }) => {
            let (code, text) = (*code, text.clone());
            let message = format!("the broker closed the connection: {text}");
            Fault::new(FaultKind::Lost, message).with_reply(Reply { code, text })
        }
        _ => Fault::new(FaultKind::Lost, "the connection is gone"),
    }
}
