//! What a run is for: a promise that was not kept, with all that is known of how that came.

use std::fmt;

use serde::Serialize;

/// One broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which promise, in a few words that are the same for each of the kind, such as `an accepted ping is missing`.
    pub promise: String,
    /// What was found, and what should have been.
    pub found: String,
    /// What happened to it, oldest first: each line says when and what.
    pub history: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.found)?;
        self.history.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}
