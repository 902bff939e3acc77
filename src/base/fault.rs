//! The one typed error: what went wrong, how the command must end, and whether trying again helps.

use crate::base::exit_code::ExitCode;
use std::fmt;

/// What the code branches on when something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No connection came about; another try may succeed.
    Unreachable,
    /// Something answers at the address, but it is no broker of ours.
    NotAmqp,
    /// A connection or channel that worked is gone; another try may succeed.
    Lost,
    /// The broker closed the channel because a task was not acknowledged in time.
    AcknowledgementTimeout,
    /// Credentials, vhost or permission were refused.
    Refused,
    /// The queue exists with other properties, cannot be declared, or is not there.
    Queue,
    /// The broker did not take a task.
    NotTaken,
    /// A URL, file or command that cannot be used.
    SetUp,
    /// A file, stdin or stdout could not be read or written.
    InputOutput,
    /// The reader of stdout has closed it, as `head` does: no news to anybody.
    ReaderGone,
    /// Nothing that the other kinds name.
    Other,
    /// The user asked to stop before the work was safe.
    Interrupted,
}

/// An error with its [`Kind`]. The message is one line that says what happened, to what, and
/// what to do; it never holds a password.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What the code branches on.
    pub kind: Kind,
    message: String,
    reply: Option<Reply>,
}

/// What the broker itself said when it refused something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// AMQP's reply code, for example 406 for `PRECONDITION_FAILED`.
    pub code: u16,
    /// The broker's words, as they came: to be escaped before they are shown.
    pub text: String,
}

impl Fault {
    /// A fault of `kind`, told by `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind,
            message,
            reply: None,
        }
    }

    /// The same with the broker's own words.
    #[must_use]
    pub fn with_reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }

    /// The broker's own words, where it said any.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        self.reply.as_ref()
    }

    /// Whether the same may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unreachable | Kind::Lost | Kind::AcknowledgementTimeout
        )
    }

    /// How the command ends when this is what ended it.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Unreachable | Kind::NotAmqp | Kind::Lost | Kind::AcknowledgementTimeout => {
                ExitCode::Unavailable
            }
            Kind::Refused => ExitCode::Refused,
            Kind::Queue => ExitCode::Queue,
            Kind::NotTaken => ExitCode::NotTaken,
            Kind::SetUp => ExitCode::SetUp,
            Kind::InputOutput | Kind::ReaderGone => ExitCode::InputOutput,
            Kind::Interrupted => ExitCode::Interrupted,
            Kind::Other => ExitCode::Failure,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
