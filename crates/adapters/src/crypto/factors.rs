//! The second factor: codes of an authenticator by TOTP (RFC 6238), and codes on paper.

use domain::accounts::{Email, RecoveryCode, TotpCode, TotpSecret};
use domain::time::{SECOND_MS, UnixMs};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::PortError;
use ports::accounts::{RecoveryHash, SecondFactors};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Totp};

use super::random;

/// What authenticators call us.
const ISSUER: &str = "Daybook";
/// How long a code is shown. Authenticators assume this and SHA-1, whatever they are told.
const STEP_SECS: u64 = 30;
const DIGITS: u8 = 6;
/// How many steps the clocks of a telephone and of the server may be apart (RFC 6238, section 5.2).
const SKEW_STEPS: i64 = 1;
/// How many codes are on the paper.
const RECOVERY_CODES: usize = 10;
/// What stands for itself in a URI (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Second factors from the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct TotpFactors;

impl SecondFactors for TotpFactors {
    fn new_secret(&self) -> Result<TotpSecret, PortError> {
        Ok(TotpSecret::new(random::bytes("make a secret for an authenticator")?))
    }

    fn uri(&self, secret: &TotpSecret, account: &Email) -> String {
        let account = utf8_percent_encode(account.as_str(), ESCAPED);
        let secret = secret.base32();
        format!(
            "otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECS}"
        )
    }

    fn check(&self, secret: &TotpSecret, code: &TotpCode, now: UnixMs, after_step: Option<i64>) -> Option<i64> {
        let totp = totp(secret)?;
        let code = code.expose();
        let present = now.0.div_euclid(SECOND_MS).div_euclid(STEP_SECS.cast_signed());
        let is_of = |step: &i64| {
            let at = u64::try_from(*step).ok().and_then(|step| step.checked_mul(STEP_SECS));
            at.is_some_and(|at| totp.check(&code, at).is_some())
        };
        // The latest first: were a code that of two steps, it still would work once.
        let steps = (-SKEW_STEPS..=SKEW_STEPS)
            .rev()
            .map(|skew| present.saturating_add(skew));
        steps
            .filter(|step| after_step.is_none_or(|after| *step > after))
            .find(is_of)
    }

    fn recovery_codes(&self) -> Result<Vec<(RecoveryCode, RecoveryHash)>, PortError> {
        let new = || random::bytes("make recovery codes").map(RecoveryCode::new);
        let with_hash = |code: RecoveryCode| {
            let hash = self.recovery_hash(&code);
            (code, hash)
        };
        (0..RECOVERY_CODES).map(|_| new().map(with_hash)).collect()
    }

    fn recovery_hash(&self, code: &RecoveryCode) -> RecoveryHash {
        // With 80 random bits, a plain hash is as good as a slow one.
        RecoveryHash(Sha256::digest(code.expose()).into())
    }
}

/// What makes the codes of a secret; `None` for no secret that there is, as all are long enough.
fn totp(secret: &TotpSecret) -> Option<Totp> {
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP_SECS)
        // Which steps may be apart is looked at here, as each is to be used once.
        .with_skew(0)
        .with_secret(*secret.expose());
    totp.build().ok()
}

#[cfg(test)]
mod tests {
    use testkit::contract::second_factors::Authenticator;

    use super::*;

    testkit::second_factors_contract!(((), TotpFactors));

    impl Authenticator for TotpFactors {
        fn code(&self, secret: &TotpSecret, now: UnixMs) -> TotpCode {
            let secs = now.0.div_euclid(SECOND_MS).cast_unsigned();
            let totp = totp(secret).expect("a secret of the right length");
            TotpCode::parse(&totp.generate(secs).to_string()).expect("a code")
        }
    }

    /// The secret of the test vectors of RFC 6238, appendix B.
    const SECRET: &[u8; 20] = b"12345678901234567890";

    fn check(code: &str, secs: i64, after_step: Option<i64>) -> Option<i64> {
        let code = TotpCode::parse(code).expect("a code");
        TotpFactors.check(&TotpSecret::new(*SECRET), &code, UnixMs(secs * SECOND_MS), after_step)
    }

    /// The last six of the eight digits that the RFC gives for SHA-1.
    const VECTORS: [(i64, i64, &str); 6] = [
        (59, 0x1, "287082"),
        (1_111_111_109, 0x0235_23EC, "081804"),
        (1_111_111_111, 0x0235_23ED, "050471"),
        (1_234_567_890, 0x0273_EF07, "005924"),
        (2_000_000_000, 0x03F9_40AA, "279037"),
        (20_000_000_000, 0x27BC_86AA, "353130"),
    ];

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (secs, step, code) in VECTORS {
            assert_eq!(check(code, secs, None), Some(step), "{secs} s");
        }
    }

    #[test]
    fn a_code_with_one_digit_changed_is_wrong() {
        let (secs, _, code) = VECTORS[3];
        for at in 0..code.len() {
            let mut digits = code.to_owned().into_bytes();
            digits[at] = b'0' + (digits[at] - b'0' + 1) % 10;
            let changed = String::from_utf8(digits).expect("ASCII");
            assert_eq!(check(&changed, secs, None), None, "{changed}");
        }
    }

    #[test]
    fn no_clock_makes_it_fail() {
        for ms in [i64::MIN, -1, 0, i64::MAX] {
            let code = TotpCode::parse("123456").expect("a code");
            TotpFactors.check(&TotpSecret::new(*SECRET), &code, UnixMs(ms), None);
        }
    }

    #[test]
    fn the_uri_says_what_authenticators_need_and_nothing_in_an_address_adds_to_it() {
        let uri = |email: &str| {
            let email = Email::parse(email).expect("an address");
            TotpFactors.uri(&TotpSecret::new(*SECRET), &email)
        };
        assert_eq!(
            uri("ada@example.org"),
            "otpauth://totp/Daybook:ada%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Daybook&algorithm=SHA1&digits=6&period=30"
        );
        let odd = uri("a:b?secret=a&c/%#ä@example.org");
        assert!(odd.starts_with("otpauth://totp/Daybook:a%3Ab%3Fsecret%3Da%26c%2F%25%23%C3%A4%40example.org?"));
    }

    #[test]
    fn the_hash_of_a_recovery_code_is_sha_256_of_its_bytes() {
        let hash = TotpFactors.recovery_hash(&RecoveryCode::new([0; 10]));
        // head -c 10 /dev/zero | sha256sum
        assert_eq!(hash.0[..4], [0x01, 0xd4, 0x48, 0xaf]);
    }
}
