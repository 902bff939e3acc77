//! Verdicts and notices on their way out.

use super::action::{Notice, Scope};
use super::message::Sent;
use crate::base::fault::Fault;
use std::sync::Arc;

/// What is given out at once, whatever else is to be done.
#[derive(Debug)]
pub(super) enum Output<P> {
    Confirmed(u64, Arc<str>, P),
    Refused(u64, P, Fault, Scope),
    Withdrawn(u64, Sent),
    Tell(Notice),
    Disconnect,
    GiveUp(Fault),
}
