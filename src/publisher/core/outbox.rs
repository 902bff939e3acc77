//! Verdicts and notices on their way out.

use super::action::{Action, Notice, Scope};
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

impl<P> From<Output<P>> for Action<'_, P> {
    fn from(output: Output<P>) -> Self {
        match output {
            Output::Confirmed(number, queue, payload) => Self::Confirmed {
                number,
                queue,
                payload,
            },
            Output::Refused(number, payload, fault, scope) => Self::Refused {
                number,
                payload,
                fault,
                scope,
            },
            Output::Withdrawn(number, sent) => Self::Withdrawn { number, sent },
            Output::Tell(notice) => Self::Tell(notice),
            Output::Disconnect => Self::Disconnect,
            Output::GiveUp(fault) => Self::GiveUp(fault),
        }
    }
}
