//! The code that a device shows to be signed in: typed by a person on another one, so short, and good for minutes only.

use std::fmt;

use crate::fault::Fault;

/// Eight consonants: about 34 bits. What makes guessing one hopeless is how few attempts there are while it is good.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCode([u8; Self::CHARS]);

impl UserCode {
    /// How many characters a code has.
    const CHARS: usize = 8;
    /// And how many stand together.
    const GROUP: usize = 4;
    /// Letters alone, so that none looks like a digit; no vowels, so that no word comes out; no Y (RFC 8628, section 6.1).
    const ALPHABET: [u8; 20] = *b"BCDFGHJKLMNPQRSTVWXZ";

    /// What people, keyboards and word processors put between the groups: hyphens, dashes and the minus.
    const DASHES: [char; 6] = ['-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}', '\u{2212}'];

    /// The code that these random bits stand for. There are 700 million times as many of them as of codes, so each code is as likely as any other.
    #[must_use]
    pub fn from_random(mut bits: u64) -> Self {
        let base = Self::ALPHABET.len() as u64;
        Self(std::array::from_fn(|_| {
            let letter = usize::try_from(bits % base).unwrap_or(0);
            bits /= base;
            Self::ALPHABET[letter]
        }))
    }

    /// The code that somebody typed: case, spaces and dashes do not matter.
    ///
    /// # Errors
    /// A fault of `user_code` when it is not of that form.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        super::base32::unspaced(text, Self::CHARS)
            .and_then(|text| Self::read(&text))
            .ok_or_else(|| {
                let detail = format!("must be the {} letters that the device shows", Self::CHARS);
                Fault::new("user_code", "invalid_code", detail)
            })
    }

    fn read(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|character| !Self::DASHES.contains(character));
        let letters = letters.map(|letter| u8::try_from(letter.to_ascii_uppercase()).ok());
        let letters: Vec<u8> = letters.collect::<Option<_>>()?;
        let are_known = letters.iter().all(|letter| Self::ALPHABET.contains(letter));
        letters.try_into().ok().filter(|_| are_known).map(Self)
    }

    /// The letters, for hashing only.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::CHARS] {
        &self.0
    }

    /// The code as it is shown: `WDJB-MJHT`.
    #[must_use]
    pub fn text(&self) -> String {
        let groups = self.0.chunks(Self::GROUP);
        let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
        groups.join("-")
    }
}

/// Shows nothing of the code.
impl fmt::Debug for UserCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_code_is_shown_in_two_groups_and_typed_in_any() {
        let code = UserCode::from_random(0);
        assert_eq!(code.text(), "BBBB-BBBB");
        for typed in [
            "BBBB-BBBB",
            "bbbbbbbb",
            " bb-bb BBbb ",
            "BBBB BBBB",
            "-BBBBBBBB-",
            "BBBB\u{2013}BBBB",
            "\u{2010}BBBB\u{2011}\u{2014}BBBB\u{2212}",
        ] {
            assert_eq!(UserCode::parse(typed), Ok(code), "{typed}");
        }
        assert_eq!(UserCode::from_random(u64::MAX).text().len(), 9);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for bad in [
            "",
            "BBBB-BBB",
            "BBBB-BBBBB",
            "BBBB-BBBA",
            "BBBB-BBB8",
            "BBBB_BBBB",
            "BBBB-BBBÄ",
        ] {
            let fault = UserCode::parse(bad).expect_err(bad);
            assert_eq!((fault.field, fault.code), ("user_code", "invalid_code"), "{bad}");
        }
        assert!(UserCode::parse(&"B".repeat(1_000_000)).is_err());
        assert!(UserCode::parse(&"-".repeat(1_000_000)).is_err());
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", UserCode::from_random(7)), "UserCode(…)");
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(bits in any::<u64>()) {
            let code = UserCode::from_random(bits);
            prop_assert_eq!(UserCode::parse(&code.text()), Ok(code));
        }

        #[test]
        fn every_letter_depends_on_the_bits(one in 0..25_600_000_000_u64, other in 0..25_600_000_000_u64) {
            prop_assert_eq!(one == other, UserCode::from_random(one) == UserCode::from_random(other));
        }
    }
}
