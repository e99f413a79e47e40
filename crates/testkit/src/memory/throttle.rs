//! Slowing down whoever guesses passwords, in memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::time::UnixMs;
use ports::accounts::{Attempt, SignInThrottle};
use ports::{Clock, PortError};

use super::away::Away;

/// Failures that are remembered as long as the value lives, by a clock that is given.
pub struct MemoryThrottle {
    clock: Arc<dyn Clock>,
    failures: Mutex<HashMap<Attempt, Failures>>,
    away: Away,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// How many of them were counted when the attempt was let through, and are not known yet to have failed.
    open: u32,
    last: UnixMs,
}

impl MemoryThrottle {
    /// Without any failures yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            failures: Mutex::default(),
            away: Away::default(),
        }
    }

    /// From now on every call fails as if the store were away; or no longer.
    pub fn fail(&self, fail: bool) {
        self.away.set(fail);
    }

    fn failures(&self, attempted: &str) -> Result<MutexGuard<'_, HashMap<Attempt, Failures>>, PortError> {
        self.away.check(attempted)?;
        let now = self.clock.now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, failures| now < failures.last.after(Attempt::FORGOTTEN_AFTER));
        Ok(failures)
    }
}

#[async_trait]
impl SignInThrottle for MemoryThrottle {
    async fn attempt(&self, attempt: &Attempt) -> Result<Option<Duration>, PortError> {
        let mut failures = self.failures("ask whether an attempt may be looked at")?;
        let Some(failures) = failures.get_mut(&counted(attempt)) else {
            return Ok(None);
        };
        let delay = Attempt::delay_after(failures.count);
        if delay.is_zero() {
            return Ok(None);
        }
        let now = self.clock.now();
        let wait = u64::try_from(failures.last.after(delay).0 - now.0).unwrap_or(0);
        if wait > 0 {
            return Ok(Some(Duration::from_millis(wait)));
        }
        failures.count = failures.count.saturating_add(1);
        failures.open += 1;
        failures.last = now;
        Ok(None)
    }

    async fn failed(&self, attempt: &Attempt) -> Result<(), PortError> {
        let mut failures = self.failures("count a failure")?;
        let last = self.clock.now();
        let none = Failures {
            count: 0,
            open: 0,
            last,
        };
        let failures = failures.entry(counted(attempt)).or_insert(none);
        match failures.open.checked_sub(1) {
            Some(open) => failures.open = open,
            None => failures.count = failures.count.saturating_add(1),
        }
        failures.last = last;
        Ok(())
    }

    async fn succeeded(&self, attempt: &Attempt) -> Result<(), PortError> {
        self.failures("forget failures")?.remove(&counted(attempt));
        Ok(())
    }
}

/// What an attempt is counted for: an address of IPv6 stands for its first 64 bits.
fn counted(attempt: &Attempt) -> Attempt {
    const FIRST_64_BITS: u128 = !0 << 64;
    let network = |address| match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & FIRST_64_BITS).into(),
    };
    Attempt {
        account: attempt.account.clone(),
        address: attempt.address.map(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::throttle::{Timed, clock};

    fn timed() -> ((), Timed<MemoryThrottle>) {
        let clock = clock();
        let throttle = MemoryThrottle::new(clock.clone());
        ((), Timed { throttle, clock })
    }

    crate::throttle_contract!(timed());

    #[tokio::test]
    async fn while_it_is_away_every_call_is_unavailable() {
        let ((), Timed { throttle, .. }) = timed();
        let attempt = Attempt {
            account: "ada@example.org".to_owned(),
            address: None,
        };
        throttle.fail(true);
        assert!(throttle.attempt(&attempt).await.expect_err("away").is_unavailable());
        throttle.fail(false);
        assert_eq!(throttle.attempt(&attempt).await.expect("back"), None);
    }
}
