//! The e-mail address that a person signs in with.

use std::fmt;

use crate::fault::Fault;

/// An address, compared without regard to case: it is kept in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// The most bytes an address may have: RFC 5321, section 4.5.3.1.3, less the angle brackets.
    pub const BYTES_MAX: usize = 254;

    /// The address trimmed and in lower case.
    ///
    /// It is checked for shape only (one `@` with something on either side, a host of dot-separated labels, no spaces or control
    /// characters): whether it exists is shown by mail that arrives, never by a pattern.
    ///
    /// # Errors
    /// A fault of `email` when it is no address or too long.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if text.len() > Self::BYTES_MAX {
            let detail = format!("must be at most {} bytes long", Self::BYTES_MAX);
            return Err(Fault::new("email", "too_long", detail));
        }
        let well_formed = text.rsplit_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && local.len() <= 64
                && !local.contains('@')
                && host.split('.').all(|label| !label.is_empty() && label.len() <= 63)
                && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        });
        if !well_formed {
            return Err(Fault::new(
                "email",
                "invalid_email",
                "must be an e-mail address such as name@example.org",
            ));
        }
        Ok(Self(text.to_lowercase()))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses stay out of logs, so `Debug` shows none.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_surrounding_space_do_not_matter() {
        assert_eq!(
            Email::parse(" Ada@Example.org ").expect("valid").as_str(),
            "ada@example.org"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "ada@exa mple.org",
            "ada@example..org",
            "a\u{7}@b.c",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        let long = format!("{}@{}.org", "a".repeat(64), "b.".repeat(94) + "b");
        assert_eq!(Email::parse(&long).expect_err("too long").code, "too_long");
    }
}
