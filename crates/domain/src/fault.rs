//! What is wrong with a value somebody gave us, said so that they can mend it.

use std::fmt;

/// One fault of one field. `code` is for programs and stays as it is once published; `detail` is for people and names the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field's name, as it stands in the request: `end_time`.
    pub field: &'static str,
    /// A short, stable word: `too_long`.
    pub code: &'static str,
    /// One sentence that names the limit.
    pub detail: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            code,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl std::error::Error for Fault {}
