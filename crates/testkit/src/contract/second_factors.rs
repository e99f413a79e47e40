//! What second factors must do.

#![cfg_attr(
    not(test),
    expect(
        clippy::unused_async,
        reason = "every fact of a contract is awaited, though this port answers at once"
    )
)]

use std::collections::BTreeSet;

use domain::accounts::{Email, RecoveryCode, TotpCode, TotpSecret};
use domain::time::UnixMs;
use ports::accounts::SecondFactors;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! second_factors_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            second_factors,
            $home,
            [
                a_code_is_of_the_step_it_is_shown_in,
                a_code_is_good_one_step_early_and_one_step_late_and_no_longer,
                a_code_works_once_and_none_before_it_works_after,
                a_code_of_another_secret_is_wrong,
                no_two_secrets_are_the_same,
                an_authenticator_is_told_the_secret_and_whose_it_is,
                ten_recovery_codes_are_known_again_by_their_hashes,
            ]
        );
    };
}

/// What a person holds in their hand.
pub trait Authenticator {
    /// The code it shows at `now`.
    fn code(&self, secret: &TotpSecret, now: UnixMs) -> TotpCode;
}

/// The start of a step.
const NOW: UnixMs = UnixMs(1_774_958_400_000);
const STEP: i64 = 1_774_958_400 / 30;
const STEP_MS: i64 = 30_000;

fn secret() -> TotpSecret {
    TotpSecret::new(*b"12345678901234567890")
}

/// The step is told, so that it can be kept.
pub async fn a_code_is_of_the_step_it_is_shown_in<F: SecondFactors + Authenticator>(factors: &F) {
    for ms in [0, STEP_MS - 1] {
        let now = NOW.plus_ms(ms);
        let code = factors.code(&secret(), now);
        assert_eq!(factors.check(&secret(), &code, now, None), Some(STEP));
    }
}

/// The clocks of people and of servers are apart.
pub async fn a_code_is_good_one_step_early_and_one_step_late_and_no_longer<F>(factors: &F)
where
    F: SecondFactors + Authenticator,
{
    let code = factors.code(&secret(), NOW);
    for ms in [-STEP_MS, 2 * STEP_MS - 1] {
        let step = factors.check(&secret(), &code, NOW.plus_ms(ms), None);
        assert_eq!(step, Some(STEP), "{ms} ms");
    }
    for ms in [-STEP_MS - 1, 2 * STEP_MS] {
        let step = factors.check(&secret(), &code, NOW.plus_ms(ms), None);
        assert_eq!(step, None, "{ms} ms");
    }
}

/// Who looked over a shoulder has nothing of it.
pub async fn a_code_works_once_and_none_before_it_works_after<F: SecondFactors + Authenticator>(factors: &F) {
    let code = factors.code(&secret(), NOW);
    assert_eq!(factors.check(&secret(), &code, NOW, Some(STEP - 1)), Some(STEP));
    assert_eq!(factors.check(&secret(), &code, NOW, Some(STEP)), None);
    let before = factors.code(&secret(), NOW.plus_ms(-STEP_MS));
    assert_eq!(factors.check(&secret(), &before, NOW, Some(STEP)), None);
    let next = factors.code(&secret(), NOW.plus_ms(STEP_MS));
    assert_eq!(factors.check(&secret(), &next, NOW, Some(STEP)), Some(STEP + 1));
}

/// A code proves one secret.
pub async fn a_code_of_another_secret_is_wrong<F: SecondFactors + Authenticator>(factors: &F) {
    let code = factors.code(&TotpSecret::new([7; 20]), NOW);
    assert_eq!(factors.check(&secret(), &code, NOW, None), None);
}

/// They are drawn.
pub async fn no_two_secrets_are_the_same<F: SecondFactors>(factors: &F) {
    let new = || factors.new_secret().expect("a secret");
    assert_ne!(new().base32(), new().base32());
}

/// All that a picture needs to hold.
pub async fn an_authenticator_is_told_the_secret_and_whose_it_is<F: SecondFactors>(factors: &F) {
    let email = Email::parse("ada@example.org").expect("an address");
    let uri = factors.uri(&secret(), &email);
    assert!(uri.starts_with("otpauth://totp/Daybook:ada%40example.org?"), "{uri}");
    for part in ["secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "issuer=Daybook"] {
        assert!(uri.contains(part), "{part} in {uri}");
    }
}

/// Of the codes themselves nothing is kept.
pub async fn ten_recovery_codes_are_known_again_by_their_hashes<F: SecondFactors>(factors: &F) {
    let codes = factors.recovery_codes().expect("codes");
    for (code, hash) in &codes {
        let typed = RecoveryCode::parse(&code.text()).expect("a code");
        assert_eq!(factors.recovery_hash(&typed), *hash);
    }
    let more = factors.recovery_codes().expect("codes");
    let texts: BTreeSet<String> = codes.iter().chain(&more).map(|(code, _)| code.text()).collect();
    let hashes: BTreeSet<[u8; 32]> = codes.iter().chain(&more).map(|(_, hash)| hash.0).collect();
    assert_eq!((codes.len(), texts.len(), hashes.len()), (10, 20, 20));
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_lists_every_fact() {
        let suite = include_str!("second_factors.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
