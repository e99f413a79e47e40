//! Counts failures to sign in, one hash for each account and address that has some. The name of the hash tells neither.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::accounts::{Attempt, SignInThrottle};
use ports::{Clock, PortError};
use redis::{Cmd, RedisError, cmd};
use sha2::{Digest, Sha256};

use super::keys;
use super::link::{Link, port_error};

/// See the scripts.
const ATTEMPT: &str = include_str!("throttle/attempt.lua");
const FAILED: &str = include_str!("throttle/failed.lua");

/// How long Redis keeps failures by its own clock. What is forgotten when, the instants in them say; this only sees to it that they go, also where clocks
/// disagree.
const KEPT: Duration = Duration::from_mins(75);

/// The throttle in Redis, for all nodes together. What it does is one step there, so that attempts which are sent at once are counted one after the other. When Redis
/// is away or full, attempts are unavailable: nobody guesses uncounted.
pub struct RedisSignInThrottle {
    link: Link,
    clock: Arc<dyn Clock>,
    delays: Vec<u64>,
}

impl RedisSignInThrottle {
    pub(super) fn new(link: Link, clock: Arc<dyn Clock>) -> Self {
        Self {
            link,
            clock,
            delays: delays(),
        }
    }

    fn script(&self, script: &str, attempt: &Attempt) -> Cmd {
        let mut eval = cmd("EVAL");
        eval.arg(script).arg(1).arg(key(attempt));
        eval.arg(self.clock.now().0)
            .arg(ms(Attempt::FORGOTTEN_AFTER))
            .arg(ms(KEPT));
        eval
    }
}

#[async_trait]
impl SignInThrottle for RedisSignInThrottle {
    async fn attempt(&self, attempt: &Attempt) -> Result<Option<Duration>, PortError> {
        let mut eval = self.script(ATTEMPT, attempt);
        eval.arg(Attempt::FREE_MAX).arg(&self.delays);
        let wait_ms: u64 = self
            .link
            .query_again(&eval)
            .await
            .map_err(unavailable("let somebody try to sign in"))?;
        Ok((wait_ms > 0).then(|| Duration::from_millis(wait_ms)))
    }

    async fn failed(&self, attempt: &Attempt) -> Result<(), PortError> {
        let counted = self.link.query_again::<u64>(&self.script(FAILED, attempt)).await;
        counted.map(drop).map_err(unavailable("count a failure to sign in"))
    }

    async fn succeeded(&self, attempt: &Attempt) -> Result<(), PortError> {
        let mut forget = cmd("DEL");
        forget.arg(key(attempt));
        let forgotten = self.link.query_again::<u64>(&forget).await;
        forgotten.map(drop).map_err(unavailable("forget failures to sign in"))
    }
}

fn unavailable(attempted: &'static str) -> impl FnOnce(RedisError) -> PortError {
    move |error| port_error(attempted, error)
}

/// The delay after each failure that costs something, in ms, up to the longest.
fn delays() -> Vec<u64> {
    let mut delays = Vec::new();
    for failures in Attempt::FREE_MAX + 1.. {
        let delay = Attempt::delay_after(failures);
        delays.push(ms(delay));
        if delay >= Attempt::DELAY_MAX {
            break;
        }
    }
    delays
}

/// The hash where the failures of an account and an address are counted.
fn key(attempt: &Attempt) -> String {
    let mut hash = Sha256::new();
    hash.update((attempt.account.len() as u64).to_be_bytes());
    hash.update(&attempt.account);
    match attempt.address.map(|address| address.to_canonical()) {
        None => {}
        Some(IpAddr::V4(address)) => hash.update(address.octets()),
        // Whoever has one address of such a network has all of them.
        Some(IpAddr::V6(address)) => hash.update(&address.octets()[..8]),
    }
    let mut key = keys::THROTTLE.to_owned();
    for byte in hash.finalize() {
        write!(key, "{byte:02x}").expect("a string takes everything");
    }
    key
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key_of(account: &str, address: Option<&str>) -> String {
        key(&Attempt {
            account: account.to_owned(),
            address: address.map(|address| address.parse().expect(address)),
        })
    }

    #[test]
    fn delays_are_those_of_the_attempts_each_once() {
        assert_eq!(
            delays(),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map(|secs| secs * 1_000)
        );
    }

    #[test]
    fn a_key_tells_nothing_and_is_anothers_for_another_account_or_address() {
        let keys = [
            key_of("ada@example.org", Some("192.0.2.1")),
            key_of("ada@example.org", Some("192.0.2.2")),
            key_of("ada@example.org", Some("2001:db8:0:1::1")),
            key_of("ada@example.org", Some("2001:db8:0:2::1")),
            key_of("ada@example.org", None),
            key_of("bea@example.org", Some("192.0.2.1")),
            key_of("", None),
        ];
        assert!(
            keys.iter().all(|key| key.len() == "daybook:throttle:".len() + 64),
            "{keys:?}"
        );
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    }

    #[test]
    fn addresses_of_one_network_and_one_address_in_two_forms_have_one_key() {
        for (one, other) in [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
            ("192.0.2.1", "::ffff:192.0.2.1"),
        ] {
            assert_eq!(
                key_of("ada@example.org", Some(one)),
                key_of("ada@example.org", Some(other))
            );
        }
    }
}
