//! How queues are made sure of.

/// How a queue is made sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Somebody else sees to it, or it needs nothing.
    Leave,
    /// A results queue, which the collector has made. It is looked for when it has not taken a message:
    /// if it is gone, nobody wants the results.
    Results,
    /// It must be there: this user may not declare it, or was told not to.
    Exists,
    /// The work queue: looked for, and made where it is missing, with care, as it is young then; or
    /// declared on the publishing channel, without waiting for the answer.
    LookThenBlind,
    /// The same where its type must be known.
    LookThenMake,
    /// The work queue, which is of another type than a plain declaration would make.
    Adopt,
    /// A quorum queue of ours next to the work queue, for one delay.
    Delay,
    /// The same where nothing else is sent: declared as the work queue is.
    DelayThenBlind,
    /// The dead letters, in a classic queue.
    Dead,
    /// The dead letters, in a quorum queue.
    DeadQuorum,
}

impl Plan {
    /// What is done first, if anything.
    pub(super) fn first(self) -> Option<Form> {
        match self {
            Self::Leave | Self::Results => None,
            Self::Dead | Self::Adopt => Some(Form::Make),
            Self::Exists
            | Self::LookThenBlind
            | Self::LookThenMake
            | Self::Delay
            | Self::DelayThenBlind
            | Self::DeadQuorum => Some(Form::Look),
        }
    }
}

/// How a queue is declared, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Asked for: is it there?
    Look,
    /// Declared on the publishing channel without waiting. A refusal closes that channel, and the
    /// broker discards what was published after it. There is no answer to give to the core.
    Blind,
    /// Declared as ours. The work queue: in whatever way accepts the type that it has, unless the
    /// user stated one.
    Make,
    /// Asked for on the publishing channel: whether the declaration there was accepted. A refusal
    /// has closed that channel.
    Check,
    /// The dead-letter queue, declared with the type that ours would not have: classic for quorum.
    OtherType,
    /// Asked for: it has arguments of its own, and is used as it is.
    AsItIs,
}
