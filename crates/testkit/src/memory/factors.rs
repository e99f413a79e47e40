//! Second factors, API keys, reset tokens and codes of devices that are counted where real ones are drawn. They keep no secret.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::accounts::{ApiKeyText, Email, RecoveryCode, TotpCode, TotpSecret, UserCode};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{
    ApiKeyHash, DeviceCodeHash, DeviceCodeMaker, KeyMaker, NewDeviceCodes, RecoveryHash, ResetHash, ResetTokens,
    SecondFactors, UserCodeHash,
};

use crate::contract::second_factors::Authenticator;

/// How long a code is shown.
const STEP_MS: i64 = 30_000;

/// Second factors whose codes are the number of their time step and a little of their secret.
#[derive(Debug, Default)]
pub struct MemoryFactors {
    secrets: AtomicU64,
    codes: AtomicU64,
}

impl SecondFactors for MemoryFactors {
    fn new_secret(&self) -> Result<TotpSecret, PortError> {
        Ok(TotpSecret::new(numbered(next(&self.secrets))))
    }

    fn uri(&self, secret: &TotpSecret, account: &Email) -> String {
        let account = account.as_str().replace('@', "%40");
        format!(
            "otpauth://totp/Daybook:{account}?secret={}&issuer=Daybook",
            secret.base32()
        )
    }

    fn check(&self, secret: &TotpSecret, code: &TotpCode, now: UnixMs, after_step: Option<i64>) -> Option<i64> {
        let present = now.0.div_euclid(STEP_MS);
        let steps = (present - 1..=present + 1).filter(|step| after_step.is_none_or(|after| *step > after));
        steps.rev().find(|step| code_of(secret, *step) == *code)
    }

    fn recovery_codes(&self) -> Result<Vec<(RecoveryCode, RecoveryHash)>, PortError> {
        let new = || RecoveryCode::new(numbered(next(&self.codes)));
        Ok((0..10)
            .map(|_| new())
            .map(|code| (code.clone(), self.recovery_hash(&code)))
            .collect())
    }

    fn recovery_hash(&self, code: &RecoveryCode) -> RecoveryHash {
        RecoveryHash(padded(code.expose()))
    }
}

impl Authenticator for MemoryFactors {
    fn code(&self, secret: &TotpSecret, now: UnixMs) -> TotpCode {
        code_of(secret, now.0.div_euclid(STEP_MS))
    }
}

/// API keys that are numbered, and hold a letter too, so that case matters.
#[derive(Debug, Default)]
pub struct MemoryApiKeys(AtomicU64);

impl KeyMaker for MemoryApiKeys {
    fn make(&self) -> Result<(ApiKeyText, ApiKeyHash), PortError> {
        let mut bytes = numbered(next(&self.0));
        bytes[0] = 0xda;
        let key = ApiKeyText::from_random(bytes);
        Ok((key, self.hash(&key)))
    }

    fn hash(&self, key: &ApiKeyText) -> ApiKeyHash {
        ApiKeyHash(padded(key.expose()))
    }
}

/// Reset tokens that are numbered: `reset.<sixteen hexadecimal digits>`.
#[derive(Debug, Default)]
pub struct MemoryResetTokens(AtomicU64);

impl ResetTokens for MemoryResetTokens {
    fn make(&self) -> Result<(String, ResetHash), PortError> {
        let number = next(&self.0);
        Ok((format!("reset.{number:016x}"), ResetHash(numbered(number))))
    }

    fn read(&self, token: &str) -> Option<ResetHash> {
        let number = u64::from_str_radix(token.strip_prefix("reset.")?, 16).ok()?;
        (format!("reset.{number:016x}") == token).then(|| ResetHash(numbered(number)))
    }
}

/// Codes of devices that are numbered: `device.<sixteen hexadecimal digits>`.
#[derive(Debug, Default)]
pub struct MemoryDeviceCodes(AtomicU64);

impl DeviceCodeMaker for MemoryDeviceCodes {
    fn make(&self) -> Result<NewDeviceCodes, PortError> {
        let number = next(&self.0);
        let user_code = UserCode::from_random(number);
        Ok(NewDeviceCodes {
            device_code: format!("device.{number:016x}"),
            device_hash: DeviceCodeHash(numbered(number)),
            user_hash: self.hash(&user_code),
            user_code,
        })
    }

    fn read(&self, device_code: &str) -> Option<DeviceCodeHash> {
        let number = u64::from_str_radix(device_code.strip_prefix("device.")?, 16).ok()?;
        (format!("device.{number:016x}") == device_code).then(|| DeviceCodeHash(numbered(number)))
    }

    fn hash(&self, user_code: &UserCode) -> UserCodeHash {
        UserCodeHash(padded(user_code.expose()))
    }
}

fn code_of(secret: &TotpSecret, step: i64) -> TotpCode {
    let of_secret: i64 = secret.expose().iter().copied().map(i64::from).sum();
    let digits = (step + 1_000 * of_secret).rem_euclid(1_000_000);
    TotpCode::parse(&format!("{digits:06}")).expect("six digits")
}

fn next(count: &AtomicU64) -> u64 {
    count.fetch_add(1, Ordering::SeqCst) + 1
}

/// The number in the last bytes.
fn numbered<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[N - 8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn padded(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..bytes.len()].copy_from_slice(bytes);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    mod factors {
        crate::second_factors_contract!(((), super::MemoryFactors::default()));
    }

    mod keys {
        crate::key_maker_contract!(((), super::MemoryApiKeys::default()));
    }

    mod device_codes {
        crate::device_code_maker_contract!(((), super::MemoryDeviceCodes::default()));
    }

    mod resets {
        crate::reset_tokens_contract!(((), super::MemoryResetTokens::default()));
    }
}
