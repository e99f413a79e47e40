//! What a real Redis says of itself, and whether all agree on the shards.

use adapters::ambient::SystemClock;
use adapters::redis::{PowerCut, Redis, ShardsError};
use ports::{Clock, Probe};
use testkit::servers::Fsync;

use super::{House, SHARDS, TestRedis, soon};

#[tokio::test]
async fn the_settings_of_a_durable_redis_have_no_fault() {
    let house = House::on(TestRedis::start_with(Fsync::Always, 64 << 20));
    let facts = house.redis.facts(SystemClock.now()).await.expect("facts");
    assert_eq!(facts.version_fault(), None);
    assert_eq!(facts.durability_faults(), [""; 0]);
    assert_eq!(facts.power_cut_faults(), []);
    assert_eq!(facts.memory_policy, "noeviction");
    assert_eq!(
        (facts.append_only, facts.append_fsync.as_deref()),
        (true, Some("always"))
    );
    assert!(
        facts.clock_ahead_ms.abs() < 60_000,
        "the same machine: {}",
        facts.clock_ahead_ms
    );
}

#[tokio::test]
async fn settings_that_break_the_promise_are_found() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 0));
    for (name, value) in [("maxmemory-policy", "allkeys-lru"), ("appendonly", "no")] {
        house.ask::<()>(&["CONFIG", "SET", name, value]).await;
    }
    let facts = house.redis.facts(SystemClock.now()).await.expect("facts");
    assert_eq!(facts.durability_faults().len(), 2, "{facts:?}");
    assert_eq!(facts.power_cut_faults()[0].0, PowerCut::LosesASecond, "{facts:?}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_seen() {
    let house = House::start();
    let now = SystemClock.now().plus_ms(-3_600_000);
    let facts = house.redis.facts(now).await.expect("facts");
    assert!(
        (3_540_000..3_660_000).contains(&facts.clock_ahead_ms),
        "{}",
        facts.clock_ahead_ms
    );
}

#[tokio::test]
async fn settings_that_are_kept_secret_are_unknown() {
    let house = House::start();
    house.ask::<()>(&["ACL", "SETUSER", "default", "-config"]).await;
    let facts = house.redis.facts(SystemClock.now()).await.expect("facts");
    assert_eq!((facts.append_fsync.as_deref(), facts.no_fsync_on_rewrite), (None, None));
    assert!(facts.append_only && facts.power_cut_faults()[0].0 == PowerCut::Unknown);
}

#[tokio::test]
async fn all_must_divide_pings_alike() {
    let house = House::start();
    house.redis.agree_on_shards().await.expect("the first decides");
    house.redis.agree_on_shards().await.expect("the same again");
    let other = Redis::new(house.server.url(), SHARDS + 1).expect("a URL");
    let error = other.agree_on_shards().await.expect_err("another number");
    assert!(matches!(error, ShardsError::Differ { kept: 4, set: 5 }), "{error}");
    assert!(
        error.to_string().contains("has 4 shards") && error.to_string().contains("says 5"),
        "{error}"
    );
}

#[test]
fn what_is_no_place_of_a_redis_is_refused() {
    for url in ["", "localhost", "http://localhost:6379", "postgres://localhost"] {
        assert!(Redis::new(url, SHARDS).is_err(), "{url}");
    }
    assert!(Redis::new("redis://localhost", 0).is_err());
}

#[tokio::test]
async fn a_sign_of_life_is_given_by_a_redis_that_works_and_no_other() {
    let mut house = House::start();
    let probe = house.redis.probe();
    assert_eq!(probe.name(), "redis");
    probe.check().await.expect("it is there");
    house.server.pause();
    assert!(soon(probe.check()).await.expect_err("it says nothing").is_unavailable());
    house.server.resume();
    probe.check().await.expect("it is there again");
    house.server.kill();
    assert!(probe.check().await.expect_err("it is gone").is_unavailable());
    house.server.restart();
    probe.check().await.expect("it is back");
}
