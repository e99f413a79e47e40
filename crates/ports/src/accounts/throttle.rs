//! Slowing down whoever guesses passwords, without shutting out whoever knows theirs.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;

use crate::PortError;

/// Failures to sign in, counted for an account together with an address, and forgotten an hour after the last one. Nobody at another address is slowed down
/// by them, so no stranger can lock an account.
#[async_trait]
pub trait SignInThrottle: Send + Sync {
    /// How long to wait before this attempt may be looked at; `None` when it may now. Once there were failures enough for a delay, an attempt that may now
    /// counts as one that has failed, until [`SignInThrottle::succeeded`]: many that are sent at once are not all looked at. One that is good but lacks its
    /// second factor is heard of no more, and so counts as well: were it forgotten, whoever knows a password could guess codes without end.
    async fn attempt(&self, attempt: &Attempt) -> Result<Option<Duration>, PortError>;

    /// The attempt has failed.
    async fn failed(&self, attempt: &Attempt) -> Result<(), PortError>;

    /// The attempt was good: its failures are forgotten.
    async fn succeeded(&self, attempt: &Attempt) -> Result<(), PortError>;
}

/// Who tries, as far as that is known.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The account as it was named, whether there is such an account or not.
    pub account: String,
    /// Where the request came from; addresses of IPv6 count by their first 64 bits.
    pub address: Option<IpAddr>,
}

impl Attempt {
    /// How many failures cost nothing: everybody mistypes.
    pub const FREE_MAX: u32 = 5;
    /// How long the delay after the first failure that costs something is; each further one doubles it.
    pub const DELAY_MIN: Duration = Duration::from_secs(1);
    /// The longest delay.
    pub const DELAY_MAX: Duration = Duration::from_mins(5);
    /// How long after the last failure all of them are forgotten.
    pub const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

    /// The delay after so many failures.
    #[must_use]
    pub fn delay_after(failures: u32) -> Duration {
        match failures.checked_sub(Self::FREE_MAX + 1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                Self::DELAY_MIN.saturating_mul(factor).min(Self::DELAY_MAX)
            }
        }
    }
}

/// Shows nothing of the account, which is an address.
impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_after_the_free_failures_up_to_its_bound() {
        let secs = |failures| Attempt::delay_after(failures).as_secs();
        assert_eq!([0, 1, 5].map(secs), [0, 0, 0]);
        assert_eq!([6, 7, 8, 14].map(secs), [1, 2, 4, 256]);
        assert_eq!([15, 16, 37, 38, u32::MAX].map(secs), [300; 5]);
    }
}
