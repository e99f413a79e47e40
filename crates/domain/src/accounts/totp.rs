//! The first kind of second factor: a secret shared with an authenticator, and the codes that it makes.

use std::fmt;

use crate::fault::Fault;

/// What an authenticator makes its codes from: 160 random bits, as many as the hash of RFC 4226 has.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret([u8; Self::BYTES]);

impl TotpSecret {
    /// How many bytes a secret has.
    pub const BYTES: usize = 20;

    /// A secret of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes, for keeping them and for making codes.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The bytes in Base32 (RFC 4648, section 6), which a person can type into an authenticator: 32 characters, and so without padding.
    #[must_use]
    pub fn base32(&self) -> String {
        const ALPHABET: [char; 32] = [
            'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U',
            'V', 'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7',
        ];
        super::base32::fives(&self.0).map(|five| ALPHABET[five]).collect()
    }
}

/// Shows nothing of the secret.
impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// What an authenticator shows: six digits, good for half a minute.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TotpCode(u32);

impl TotpCode {
    /// How many digits a code has.
    pub const DIGITS: usize = 6;

    /// The code; spaces, which authenticators show between the digits, do not matter.
    ///
    /// # Errors
    /// A fault of `code` when it is not six digits.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let digits = super::base32::unspaced(text, Self::DIGITS);
        let code = digits
            .filter(|digits| digits.len() == Self::DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok());
        code.map(Self)
            .ok_or_else(|| Fault::new("code", "invalid_code", format!("must be {} digits", Self::DIGITS)))
    }

    /// The six digits, for comparing only.
    #[must_use]
    pub fn expose(self) -> String {
        format!("{:06}", self.0)
    }
}

/// Shows nothing of the code.
impl fmt::Debug for TotpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_in_base32() {
        // The secret of the test vectors of RFC 4226 and RFC 6238, by coreutils' base32.
        let secret = TotpSecret::new(*b"12345678901234567890");
        assert_eq!(secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::new([0xff; 20]).base32(), "7".repeat(32));
    }

    #[test]
    fn a_code_is_six_digits_however_they_are_spaced() {
        for text in ["012345", "012 345", " 01 23 45 ", "012\u{a0}345"] {
            assert_eq!(TotpCode::parse(text).expect(text).expose(), "012345");
        }
        for bad in [
            "",
            "12345",
            "1234567",
            "12345a",
            "-12345",
            "+12345",
            "١٢٣٤٥٦",
            "123-456",
        ] {
            assert_eq!(TotpCode::parse(bad).expect_err(bad).code, "invalid_code", "{bad}");
        }
        assert!(TotpCode::parse(&" ".repeat(1_000_000)).is_err());
    }

    #[test]
    fn neither_shows_in_debug_output() {
        let code = TotpCode::parse("123456").expect("a code");
        assert_eq!(format!("{code:?}"), "TotpCode(…)");
        assert_eq!(format!("{:?}", TotpSecret::new([7; 20])), "TotpSecret(…)");
    }
}
