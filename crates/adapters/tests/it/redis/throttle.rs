//! Failures to sign in, counted by a real Redis.

use std::sync::Arc;
use std::time::Duration;

use adapters::redis::RedisSignInThrottle;
use domain::time::UnixMs;
use futures_util::future::join_all;
use ports::accounts::{Attempt, SignInThrottle};
use testkit::clock::TestClock;
use testkit::contract::throttle::{Timed, clock};
use testkit::servers::TestRedis;

use super::House;

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);

fn ada() -> Attempt {
    Attempt {
        account: "ada@example.org".to_owned(),
        address: Some([192, 0, 2, 1].into()),
    }
}

/// A throttle as the contract has it, after the server that it counts in.
fn timed() -> (TestRedis, Timed<RedisSignInThrottle>) {
    let (house, clock) = (House::start(), clock());
    let throttle = house.redis.sign_in_throttle(clock.clone());
    (house.server, Timed { throttle, clock })
}

testkit::throttle_contract!(timed());

fn throttle(house: &House) -> (RedisSignInThrottle, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(NOW));
    (house.redis.sign_in_throttle(clock.clone()), clock)
}

async fn fail_times(throttle: &RedisSignInThrottle, times: u32) {
    for _ in 0..times {
        throttle.failed(&ada()).await.expect("counted");
    }
}

#[tokio::test]
async fn nothing_that_is_kept_names_the_account_or_the_address() {
    let house = House::start();
    let (throttle, _) = throttle(&house);
    fail_times(&throttle, 1).await;
    let keys: Vec<String> = house.ask(&["KEYS", "*"]).await;
    let [key] = &keys[..] else { panic!("{keys:?}") };
    let digest = key.strip_prefix("daybook:throttle:").expect("its own name");
    assert!(
        digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{key}"
    );
    let kept: Vec<String> = house.ask(&["HGETALL", key]).await;
    let last = NOW.0.to_string();
    assert_eq!(kept, ["failures", "1", "last", last.as_str(), "counted", "0"]);
}

#[tokio::test]
async fn failures_go_by_themselves_some_time_after_they_are_forgotten() {
    let house = House::start();
    let (throttle, clock) = throttle(&house);
    let kept_ms = async || -> u128 {
        let keys: Vec<String> = house.ask(&["KEYS", "*"]).await;
        house.ask::<u64>(&["PTTL", &keys[0]]).await.into()
    };
    let forgotten = Attempt::FORGOTTEN_AFTER.as_millis();
    fail_times(&throttle, Attempt::FREE_MAX + 1).await;
    let after_failures = kept_ms().await;
    assert!((forgotten..2 * forgotten).contains(&after_failures), "{after_failures}");
    let keys: Vec<String> = house.ask(&["KEYS", "*"]).await;
    house.ask::<u64>(&["PEXPIRE", &keys[0], "600000"]).await;
    clock.advance(Attempt::DELAY_MIN);
    assert_eq!(throttle.attempt(&ada()).await.expect("asked"), None);
    let after_an_attempt = kept_ms().await;
    assert!(
        after_an_attempt >= forgotten,
        "an attempt that counts keeps them: {after_an_attempt}"
    );
    throttle.succeeded(&ada()).await.expect("forgotten");
    assert_eq!(house.ask::<Vec<String>>(&["KEYS", "*"]).await, [""; 0]);
}

#[tokio::test]
async fn of_a_hundred_attempts_at_once_through_two_nodes_one_is_looked_at() {
    let house = House::start();
    let (one, clock) = throttle(&house);
    let other = house.redis.sign_in_throttle(clock.clone());
    fail_times(&one, Attempt::FREE_MAX + 1).await;
    clock.advance(Attempt::DELAY_MIN);
    let ada = ada();
    let ones = join_all((0..50).map(|_| one.attempt(&ada)));
    let others = join_all((0..50).map(|_| other.attempt(&ada)));
    let (ones, others) = tokio::join!(ones, others);
    let waits: Vec<_> = ones
        .into_iter()
        .chain(others)
        .map(|wait| wait.expect("asked"))
        .collect();
    assert_eq!(waits.iter().filter(|wait| wait.is_none()).count(), 1);
    let next = Some(Attempt::delay_after(Attempt::FREE_MAX + 2));
    assert_eq!(waits.iter().filter(|wait| **wait == next).count(), 99);
}

#[tokio::test]
async fn a_node_whose_clock_is_behind_waits_no_longer_than_the_delay_and_shortens_none() {
    let house = House::start();
    let (throttle, _) = throttle(&house);
    let behind = Arc::new(TestClock::at(NOW.plus_ms(-30_000)));
    let late = house.redis.sign_in_throttle(behind);
    fail_times(&throttle, Attempt::FREE_MAX + 1).await;
    assert_eq!(late.attempt(&ada()).await.expect("asked"), Some(Attempt::DELAY_MIN));
    late.failed(&ada()).await.expect("counted");
    let next = Some(Attempt::delay_after(Attempt::FREE_MAX + 2));
    assert_eq!(throttle.attempt(&ada()).await.expect("asked"), next);
    assert_eq!(late.attempt(&ada()).await.expect("asked"), next);
}

#[tokio::test]
async fn while_redis_is_away_nobody_may_try() {
    let mut house = House::start();
    let (throttle, _) = throttle(&house);
    fail_times(&throttle, Attempt::FREE_MAX + 1).await;
    house.server.kill();
    assert!(throttle.attempt(&ada()).await.expect_err("away").is_unavailable());
    assert!(throttle.failed(&ada()).await.expect_err("away").is_unavailable());
    assert!(throttle.succeeded(&ada()).await.expect_err("away").is_unavailable());
    house.server.restart();
    let wait = throttle.attempt(&ada()).await.expect("it is back");
    assert_eq!(wait, Some(Attempt::DELAY_MIN), "and knows");
}

#[tokio::test]
async fn a_full_redis_lets_nobody_try_uncounted_and_still_forgets() {
    let house = House::start();
    let (throttle, _) = throttle(&house);
    fail_times(&throttle, 1).await;
    let room = async |bytes| house.ask::<()>(&["CONFIG", "SET", "maxmemory", bytes]).await;
    // Less than it uses already.
    room("1").await;
    let stranger = Attempt {
        account: "bob@example.org".to_owned(),
        address: None,
    };
    for attempt in [ada(), stranger] {
        let error = throttle.attempt(&attempt).await.expect_err("it cannot be counted");
        assert!(
            error.is_unavailable() && error.chain().contains("OOM"),
            "{}",
            error.chain()
        );
        assert!(throttle.failed(&attempt).await.expect_err("likewise").is_unavailable());
    }
    throttle.succeeded(&ada()).await.expect("that makes room");
    let left: Vec<String> = house.ask(&["KEYS", "daybook:throttle:*"]).await;
    assert_eq!(left, [""; 0]);
    room("0").await;
    assert_eq!(throttle.attempt(&ada()).await.expect("there is room"), None);
}

#[tokio::test]
async fn the_longest_delay_stays_the_longest_however_many_failures() {
    let house = House::start();
    let (throttle, clock) = throttle(&house);
    fail_times(&throttle, 100).await;
    assert_eq!(throttle.attempt(&ada()).await.expect("asked"), Some(Attempt::DELAY_MAX));
    let nearly = Attempt::DELAY_MAX.saturating_sub(Duration::from_millis(1));
    clock.advance(nearly);
    let wait = throttle.attempt(&ada()).await.expect("asked");
    assert_eq!(wait, Some(Duration::from_millis(1)));
}
