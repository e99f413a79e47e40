//! What can go wrong outside.

use std::error::Error;
use std::fmt;

/// What the caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The outside is away, overloaded or full. The same call may succeed later; whether this one took effect is not known.
    Unavailable,
    /// The outside refused what we asked, and will again: a broken invariant, here or there. Nothing took effect.
    Bug,
}

/// Something outside failed. Says what was attempted; why is its `source`.
#[derive(Debug)]
pub struct PortError {
    /// What the caller may do about it.
    pub kind: PortErrorKind,
    is_full: bool,
    attempted: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// The outside could not be reached or could not take it while we tried to `attempted`: "merge 500 pings of 20 users".
    pub fn unavailable(attempted: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: PortErrorKind::Unavailable,
            is_full: false,
            attempted: attempted.into(),
            source: Some(source.into()),
        }
    }

    /// The outside has no room for what we tried to `attempted`: "keep 3 pings in the queue". It is unavailable until it has, and nothing took effect.
    pub fn full(attempted: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            is_full: true,
            ..Self::unavailable(attempted, source)
        }
    }

    /// The outside refused for good while we tried to `attempted`.
    pub fn bug(attempted: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: PortErrorKind::Bug,
            is_full: false,
            attempted: attempted.into(),
            source: Some(source.into()),
        }
    }

    /// Whether trying again may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == PortErrorKind::Unavailable
    }

    /// Whether it is unavailable because it has no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The error and its causes on one line, for a log or a dead letter.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}", self.attempted)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_the_attempt_once_and_then_the_causes() {
        let inner = PortError::unavailable("open a connection", "refused");
        let outer = PortError::unavailable("merge 3 pings", inner);
        assert_eq!(
            outer.chain(),
            "could not merge 3 pings: could not open a connection: refused"
        );
    }
}
