//! The other kind of second factor: a code on paper, for the day the authenticator is lost.

use std::fmt;

use crate::fault::Fault;

/// 80 random bits that stand in for an authenticator once.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode([u8; Self::BYTES]);

impl RecoveryCode {
    /// How many bytes a code has.
    pub const BYTES: usize = 10;
    /// And how many characters they make.
    const CHARS: usize = Self::BYTES * 8 / 5;
    /// How many characters stand together.
    const GROUP: usize = 4;
    /// Crockford's Base32: no letter that looks like a digit or like another letter.
    const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

    /// A code of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The code that somebody typed from paper: case, spaces and dashes do not matter, an `o` is a zero, an `i` or `l` is a one.
    ///
    /// # Errors
    /// A fault of `recovery_code` when it is not of that form.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        super::base32::unspaced(text, Self::CHARS)
            .and_then(|text| Self::read(&text))
            .ok_or_else(|| {
                let detail = format!("must be {} letters and digits, as they were shown", Self::CHARS);
                Fault::new("recovery_code", "invalid_code", detail)
            })
    }

    fn read(text: &str) -> Option<Self> {
        let (mut bits, mut chars) = (0_u128, 0);
        for c in text.chars().filter(|c| *c != '-') {
            let c = match c.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            bits = bits << 5 | Self::ALPHABET.find(c)? as u128;
            chars += 1;
        }
        let bits = bits.to_be_bytes();
        let (_, bytes) = bits.split_last_chunk()?;
        (chars == Self::CHARS).then_some(Self(*bytes))
    }

    /// The bytes, for hashing only.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The code as it is shown once: `0123-4567-89ab-cdef`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(Self::CHARS + Self::CHARS / Self::GROUP);
        for (at, five) in super::base32::fives(&self.0).enumerate() {
            if at > 0 && at % Self::GROUP == 0 {
                text.push('-');
            }
            text.push_str(&Self::ALPHABET[five..=five]);
        }
        text
    }
}

/// Shows nothing of the code.
impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The bytes whose groups of five bits are 0 to 15.
    const COUNTING: [u8; 10] = [0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf];

    #[test]
    fn a_code_is_shown_in_four_groups() {
        assert_eq!(RecoveryCode::new(COUNTING).text(), "0123-4567-89ab-cdef");
        assert_eq!(RecoveryCode::new([0xff; 10]).text(), "zzzz-zzzz-zzzz-zzzz");
    }

    #[test]
    fn how_it_is_typed_does_not_matter() {
        for text in [
            "0123-4567-89ab-cdef",
            "0123456789abcdef",
            "0123 4567 89AB CDEF",
            "OL23-4567-89ab-cdef",
            " oi23 - 4567 - 89ab - cdef ",
        ] {
            assert_eq!(RecoveryCode::parse(text).expect(text), RecoveryCode::new(COUNTING));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for bad in [
            "",
            "0123-4567-89ab-cde",
            "0123-4567-89ab-cdef0",
            "0123-4567-89ab-cdeu",
            "0123-4567-89ab-cdeä",
        ] {
            let fault = RecoveryCode::parse(bad).expect_err(bad);
            assert_eq!((fault.field, fault.code), ("recovery_code", "invalid_code"), "{bad}");
        }
        assert!(RecoveryCode::parse(&"0".repeat(1_000_000)).is_err());
        assert!(RecoveryCode::parse(&"-".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", RecoveryCode::new(COUNTING)), "RecoveryCode(…)");
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(bytes in any::<[u8; 10]>()) {
            let code = RecoveryCode::new(bytes);
            prop_assert_eq!(RecoveryCode::parse(&code.text()), Ok(code));
        }
    }
}
