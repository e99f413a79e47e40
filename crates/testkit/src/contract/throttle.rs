//! What slows guessing down promises to those who sign in.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use domain::time::UnixMs;
use ports::accounts::{Attempt, SignInThrottle};

use crate::clock::TestClock;

/// A throttle that knows of no failure yet, and the clock that it goes by.
#[derive(Debug)]
pub struct Timed<T> {
    /// What is put to the test.
    pub throttle: T,
    /// Its clock.
    pub clock: Arc<TestClock>,
}

/// A clock for a throttle: it stands at 2026-03-31T12:00:00.250Z.
#[must_use]
pub fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at(UnixMs(1_774_958_400_250)))
}

/// A test for each fact. The expression is evaluated in each, in an async function, to a [`Timed`] after what must outlive it.
#[macro_export]
macro_rules! throttle_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            throttle,
            $home,
            [
                the_first_failures_cost_nothing,
                the_delay_doubles_with_each_failure_up_to_its_bound,
                an_attempt_that_has_to_wait_changes_nothing,
                success_forgets_the_failures,
                failures_are_forgotten_an_hour_after_the_last,
                nobody_else_waits,
                addresses_of_ipv6_count_by_their_first_64_bits,
                of_many_attempts_at_once_one_is_looked_at,
                an_attempt_of_which_nothing_is_heard_has_failed,
                failures_at_once_are_all_counted,
            ]
        );
    };
}

const LAPTOP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const ONE_MS: Duration = Duration::from_millis(1);

/// A moment before so long has passed.
fn just_before(duration: Duration) -> Duration {
    duration.saturating_sub(ONE_MS)
}

fn by(account: &str, address: Option<IpAddr>) -> Attempt {
    Attempt {
        account: account.to_owned(),
        address,
    }
}

fn ada() -> Attempt {
    by("ada@example.org", Some(LAPTOP))
}

impl<T: SignInThrottle> Timed<T> {
    async fn attempt(&self, attempt: &Attempt) -> Option<Duration> {
        self.throttle.attempt(attempt).await.expect("asked")
    }

    /// An attempt that is looked at, at once, and fails.
    async fn fail(&self, attempt: &Attempt) {
        assert_eq!(self.attempt(attempt).await, None);
        self.throttle.failed(attempt).await.expect("counted");
    }

    /// So many failures, each as soon as it may be.
    async fn fail_times(&self, attempt: &Attempt, times: u32) {
        for failures in 0..times {
            self.clock.advance(Attempt::delay_after(failures));
            self.fail(attempt).await;
        }
    }
}

/// Five of them; the sixth has a price.
pub async fn the_first_failures_cost_nothing<T: SignInThrottle>(timed: &Timed<T>) {
    for _ in 0..=Attempt::FREE_MAX {
        timed.fail(&ada()).await;
    }
    assert_eq!(timed.attempt(&ada()).await, Some(Attempt::DELAY_MIN));
}

/// To the millisecond: until then it has to wait, and then no longer.
pub async fn the_delay_doubles_with_each_failure_up_to_its_bound<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), Attempt::FREE_MAX + 1).await;
    for secs in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let delay = Duration::from_secs(secs);
        assert_eq!(timed.attempt(&ada()).await, Some(delay));
        timed.clock.advance(just_before(delay));
        assert_eq!(timed.attempt(&ada()).await, Some(ONE_MS), "{secs}");
        timed.clock.advance(ONE_MS);
        timed.fail(&ada()).await;
    }
}

/// It does not count as a failure, so whoever knocks on gets in when their time has come.
pub async fn an_attempt_that_has_to_wait_changes_nothing<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), Attempt::FREE_MAX + 3).await;
    let delay = Attempt::delay_after(Attempt::FREE_MAX + 3);
    for _ in 0..20 {
        assert_eq!(timed.attempt(&ada()).await, Some(delay));
    }
    timed.clock.advance(delay);
    assert_eq!(timed.attempt(&ada()).await, None);
}

/// All of them, and the attempt that was good counts as none.
pub async fn success_forgets_the_failures<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), Attempt::FREE_MAX + 4).await;
    timed.clock.advance(Attempt::DELAY_MAX);
    assert_eq!(timed.attempt(&ada()).await, None);
    timed.throttle.succeeded(&ada()).await.expect("forgotten");
    for _ in 0..=Attempt::FREE_MAX {
        timed.fail(&ada()).await;
    }
    assert_eq!(timed.attempt(&ada()).await, Some(Attempt::DELAY_MIN));
}

/// Not before: each failure keeps those before it alive.
pub async fn failures_are_forgotten_an_hour_after_the_last<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), Attempt::FREE_MAX).await;
    timed.clock.advance(just_before(Attempt::FORGOTTEN_AFTER));
    timed.fail(&ada()).await;
    assert_eq!(timed.attempt(&ada()).await, Some(Attempt::DELAY_MIN), "a sixth");
    timed.clock.advance(Attempt::FORGOTTEN_AFTER);
    for _ in 0..=Attempt::FREE_MAX {
        timed.fail(&ada()).await;
    }
    assert_eq!(
        timed.attempt(&ada()).await,
        Some(Attempt::DELAY_MIN),
        "a sixth after none"
    );
}

/// Neither the same account from another address, or from one that is not known, nor another account from the same address.
pub async fn nobody_else_waits<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), 2 * Attempt::FREE_MAX).await;
    let elsewhere = Ipv4Addr::new(192, 0, 2, 2).into();
    for other in [
        by("ada@example.org", Some(elsewhere)),
        by("ada@example.org", None),
        by("bob@example.org", Some(LAPTOP)),
        by("", Some(LAPTOP)),
    ] {
        assert_eq!(timed.attempt(&other).await, None, "{}", other.account);
    }
    assert!(timed.attempt(&ada()).await.is_some());
}

/// A household has as many addresses as it likes; the one of its neighbours differs within those bits.
pub async fn addresses_of_ipv6_count_by_their_first_64_bits<T: SignInThrottle>(timed: &Timed<T>) {
    let from = |address: &str| by("ada@example.org", Some(address.parse().expect("an address")));
    timed.fail_times(&from("2001:db8:1:2::1"), 2 * Attempt::FREE_MAX).await;
    assert!(timed.attempt(&from("2001:db8:1:2:ffff:ffff:ffff:ffff")).await.is_some());
    assert_eq!(timed.attempt(&from("2001:db8:1:3::1")).await, None);
}

/// Once failures cost something: the first is let through, and the others wait as if it had failed.
pub async fn of_many_attempts_at_once_one_is_looked_at<T: SignInThrottle>(timed: &Timed<T>) {
    let failures = Attempt::FREE_MAX + 1;
    timed.fail_times(&ada(), failures).await;
    timed.clock.advance(Attempt::delay_after(failures));
    let ada = ada();
    let (a, b, c, d) = tokio::join!(
        timed.attempt(&ada),
        timed.attempt(&ada),
        timed.attempt(&ada),
        timed.attempt(&ada)
    );
    let mut waits = [a, b, c, d];
    waits.sort_unstable();
    let next = Some(Attempt::delay_after(failures + 1));
    assert_eq!(waits, [None, next, next, next]);
    timed.throttle.failed(&ada).await.expect("counted");
    assert_eq!(timed.attempt(&ada).await, next, "it is counted once");
}

/// Whoever asked may have gone before there was an answer.
pub async fn an_attempt_of_which_nothing_is_heard_has_failed<T: SignInThrottle>(timed: &Timed<T>) {
    timed.fail_times(&ada(), Attempt::FREE_MAX + 1).await;
    for secs in [1, 2, 4] {
        timed.clock.advance(Duration::from_secs(secs));
        assert_eq!(timed.attempt(&ada()).await, None);
        assert_eq!(timed.attempt(&ada()).await, Some(Duration::from_secs(2 * secs)));
    }
}

/// None is lost when they come from several nodes.
pub async fn failures_at_once_are_all_counted<T: SignInThrottle>(timed: &Timed<T>) {
    let ada = ada();
    let failed = || async { timed.throttle.failed(&ada).await.expect("counted") };
    tokio::join!(failed(), failed(), failed(), failed(), failed(), failed(), failed());
    assert_eq!(timed.attempt(&ada).await, Some(Attempt::delay_after(7)));
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        crate::contract::assert_listed(include_str!("throttle.rs"), &[include_str!("throttle.rs")]);
    }
}
