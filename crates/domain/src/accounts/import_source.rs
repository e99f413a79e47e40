//! What a person calls the place that they import their history from.

use crate::fault::Fault;

use super::bounded_text;

/// 1 to 64 characters after trimming, no control characters, compared to the letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportSource(String);

impl ImportSource {
    /// The most characters a source may have.
    pub const CHARS_MAX: usize = 64;

    /// The source, trimmed.
    ///
    /// # Errors
    /// A fault of `source` that names the limit.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        bounded_text("source", text, Self::CHARS_MAX).map(Self)
    }

    /// The source as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_1_and_64_characters() {
        let code = |text: &str| ImportSource::parse(text).map_err(|fault| (fault.field, fault.code));
        let parsed = code("  ActivityWatch läptop ").map(|source| source.as_str().to_owned());
        assert_eq!(parsed, Ok("ActivityWatch läptop".to_owned()));
        assert!(code(&"ä".repeat(64)).is_ok());
        assert_eq!(code(&"ä".repeat(65)), Err(("source", "too_long")));
        assert_eq!(code(" "), Err(("source", "empty")));
        assert_eq!(code("a\nb"), Err(("source", "control_character")));
    }
}
