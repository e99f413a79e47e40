//! How a run fails to take place: what was attempted, and the causes. What it finds is no failure, however bad.

use std::error::Error;
use std::fmt;

/// Why a run could not be carried through.
#[derive(Debug)]
pub struct Failure {
    attempted: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure without a cause of its own.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            attempted: what.into(),
            source: None,
        }
    }

    /// Says what was attempted when the cause came up; made for `map_err`.
    pub fn because<E: Into<Box<dyn Error + Send + Sync>>>(attempted: impl Into<String>) -> impl FnOnce(E) -> Self {
        let attempted = attempted.into();
        move |source| Self {
            attempted,
            source: Some(source.into()),
        }
    }

    /// The whole of it in one line, the causes included.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut line = self.attempted.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
