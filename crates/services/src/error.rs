//! The kinds of failure, for all contexts.

use ports::PortErrorKind;

/// What sort of failure it is. The API maps it to one HTTP status, the worker to done, retry or dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request holds values that cannot be.
    Invalid,
    /// Who is asking is not known, or no longer.
    Unauthenticated,
    /// Who is asking may not.
    Forbidden,
    /// There is no such thing.
    Missing,
    /// It would contradict something that is there.
    Conflict,
    /// Too often, for now.
    TooMany,
    /// Something outside is away; later it may work.
    Unavailable,
    /// We are at fault.
    Bug,
}

impl From<PortErrorKind> for Kind {
    fn from(kind: PortErrorKind) -> Self {
        match kind {
            PortErrorKind::Unavailable => Self::Unavailable,
            PortErrorKind::Bug => Self::Bug,
        }
    }
}
