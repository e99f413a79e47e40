//! What a person tells us of themselves.

use std::fmt;

use crate::fault::Fault;
use crate::time::SECOND_MS;

/// What a person is called: 1 to 200 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullName(String);

impl FullName {
    /// The most characters a name may have.
    pub const CHARS_MAX: usize = 200;

    /// The name, trimmed.
    ///
    /// # Errors
    /// A fault of `full_name` that names the limit.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        super::bounded_text("full_name", text, Self::CHARS_MAX).map(Self)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password that may be hashed: 8 to 256 characters (NIST SP 800-63B, 5.1.1.2), taken as it is typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The fewest characters a new password may have.
    pub const CHARS_MIN: usize = 8;
    /// The most characters; also what is looked at when somebody signs in.
    pub const CHARS_MAX: usize = 256;

    /// The password, unchanged.
    ///
    /// # Errors
    /// A fault of `password` that names the limit.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let chars = text.chars().count();
        if (Self::CHARS_MIN..=Self::CHARS_MAX).contains(&chars) {
            return Ok(Self(text.to_owned()));
        }
        let code = if chars < Self::CHARS_MIN {
            "too_short"
        } else {
            "too_long"
        };
        let detail = format!("must be {} to {} characters long", Self::CHARS_MIN, Self::CHARS_MAX);
        Err(Fault::new("password", code, detail))
    }

    /// The password, for hashing only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Shows nothing of the password.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// When a person's day starts: whole seconds after local midnight, less than 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayStart(u32);

impl DayStart {
    /// The latest start, one second before the next midnight.
    pub const SECS_MAX: u32 = 86_399;

    /// `secs` seconds after local midnight.
    ///
    /// # Errors
    /// A fault of `day_start` when it is 24 hours or more.
    pub fn from_secs(secs: i64) -> Result<Self, Fault> {
        u32::try_from(secs)
            .ok()
            .filter(|secs| *secs <= Self::SECS_MAX)
            .map(Self)
            .ok_or_else(|| {
                let detail = format!("must be 0 to {} seconds after local midnight", Self::SECS_MAX);
                Fault::new("day_start", "out_of_range", detail)
            })
    }

    /// Seconds after local midnight.
    #[must_use]
    pub fn secs(self) -> u32 {
        self.0
    }

    /// Milliseconds after local midnight.
    #[must_use]
    pub fn ms(self) -> i64 {
        i64::from(self.0) * SECOND_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_8_to_256_characters_whatever_they_are() {
        assert!(Password::parse("ääääääää").is_ok());
        assert!(Password::parse(&"x".repeat(256)).is_ok());
        assert_eq!(Password::parse("1234567").expect_err("short").code, "too_short");
        assert_eq!(Password::parse(&"x".repeat(257)).expect_err("long").code, "too_long");
    }

    #[test]
    fn a_day_starts_within_its_first_24_hours() {
        assert_eq!(DayStart::from_secs(86_399).expect("last second").secs(), 86_399);
        assert!(DayStart::from_secs(86_400).is_err());
        assert!(DayStart::from_secs(-1).is_err());
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let password = Password::parse("correct horse").expect("valid");
        assert!(!format!("{password:?}").contains("horse"));
    }
}
