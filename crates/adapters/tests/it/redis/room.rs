//! The queue stops taking before Redis is full, and takes again once there is room.

use std::sync::Arc;

use adapters::redis::{BacklogMax, MayLose, RedisPingQueue};
use ports::usage::{Outcome, Part, PingQueue, PingSource};
use ports::{PortError, Probe};
use testkit::arrivals::ping;
use testkit::servers::Fsync;

use super::{House, SHARDS, TestRedis, drained, soon, taken};

const NO_BOUND: BacklogMax = BacklogMax {
    arrivals: u64::MAX,
    bytes: u64::MAX,
    may_lose: MayLose::ASecond,
};

impl House {
    fn bounded(&self, max: BacklogMax) -> (RedisPingQueue, Arc<dyn Probe>) {
        self.redis.bounded_ping_queue(max)
    }

    async fn in_flight(&self) -> u64 {
        self.redis.books().await.expect("Redis is there").in_flight
    }
}

/// Pushes a hundred pings at a time until they are refused. Answers how many were kept, and why no more.
async fn fill(door: &RedisPingQueue) -> (u64, PortError) {
    let mut kept = 0;
    soon(async {
        loop {
            match door.push((0..100).map(|count| ping(kept % 8, count)).collect()).await {
                Ok(_) => kept += 100,
                Err(error) => return (kept, error),
            }
        }
    })
    .await
}

/// Pushes one ping until it is kept.
async fn comes_in_again(door: &RedisPingQueue) {
    soon(async {
        while door.push(vec![ping(1, 0)]).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_more_arrivals_wait_than_may() {
    let house = House::start();
    let (door, probe) = house.bounded(BacklogMax {
        arrivals: 1_000,
        ..NO_BOUND
    });
    let (kept, error) = fill(&door).await;
    assert_eq!(kept, 1_000, "the answer to a write tells of it at once");
    assert!(error.is_full() && error.is_unavailable(), "{}", error.chain());
    probe.check().await.expect("to be full is no fault of the node");
    // Another node hears of it by looking.
    let (other, _) = house.bounded(BacklogMax {
        arrivals: 1_000,
        ..NO_BOUND
    });
    soon(async { while other.push(vec![ping(9, 0)]).await.is_ok() {} }).await;
    assert!(house.in_flight().await >= 1_000);

    // Most of it must go before more is taken.
    let source = house.source("a");
    let mut batches = Vec::new();
    for shard in 0..SHARDS {
        batches.extend(taken(&source, shard, Part::Live).await);
    }
    for batch in batches {
        source
            .settle(&batch.receipt, &Outcome::default())
            .await
            .expect("settled");
    }
    comes_in_again(&door).await;
    comes_in_again(&other).await;
    drained(&source).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn it_closes_before_redis_is_full_and_opens_again_once_it_is_drained() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 16 << 20));
    let (door, _) = house.bounded(NO_BOUND);
    let mut kept = 0;
    for round in 1..=2 {
        let (more, error) = fill(&door).await;
        kept += more;
        assert!(error.is_full(), "{}", error.chain());
        assert!(house.in_flight().await > 1_000 * round, "it took what it could");
        // Nothing that was accepted is lost, and nothing that was refused as full is there.
        let arrivals: usize = drained(&house.source("a"))
            .await
            .iter()
            .map(|batch| batch.arrivals.len())
            .sum();
        assert_eq!(arrivals as u64, kept);
        house.nothing_is_left().await;
        comes_in_again(&door).await;
        kept = 1;
    }
    drained(&house.source("a")).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_redis_that_is_full_is_said_to_be() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 4 << 20));
    let door = house.redis.ping_queue();
    let (kept, error) = fill(&door).await;
    assert!(error.is_full() && error.chain().contains("OOM"), "{}", error.chain());
    let batches = drained(&house.source("a")).await;
    let arrivals: usize = batches.iter().map(|batch| batch.arrivals.len()).sum();
    assert_eq!(arrivals as u64, kept);
    comes_in_again(&door).await;
    drained(&house.source("a")).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_redis_that_is_made_forgetful_while_it_runs_is_told_nothing() {
    let house = House::on(TestRedis::start_with(Fsync::Always, 0));
    let losing = |may_lose| house.bounded(BacklogMax { may_lose, ..NO_BOUND });
    let (strict, strict_probe) = losing(MayLose::Nothing);
    let (patient, patient_probe) = losing(MayLose::ASecond);
    let (careless, careless_probe) = losing(MayLose::Anything);
    for (setting, forgetful, sound) in [
        ("appendonly", "no", "yes"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("appendfsync", "everysec", "always"),
        ("appendfsync", "no", "always"),
        ("no-appendfsync-on-rewrite", "yes", "no"),
    ] {
        let gives_up_a_second = forgetful == "everysec";
        let (door, probe) = if gives_up_a_second {
            (&strict, &strict_probe)
        } else {
            (&patient, &patient_probe)
        };
        door.push(vec![ping(1, 0)]).await.expect("kept");
        probe.check().await.expect("it is sound");
        house.ask::<()>(&["CONFIG", "SET", setting, forgetful]).await;
        let error = soon(async {
            loop {
                if let Err(error) = door.push(vec![ping(1, 0)]).await {
                    return error;
                }
            }
        })
        .await;
        assert!(error.is_unavailable() && !error.is_full(), "{}", error.chain());
        let why = probe.check().await.expect_err("it forgets").chain();
        assert!(why.contains(setting), "{why}");
        let mut content = vec![(&careless, &careless_probe)];
        content.extend(gives_up_a_second.then_some((&patient, &patient_probe)));
        for (door, probe) in content {
            door.push(vec![ping(2, 0)]).await.expect("it was told to live with it");
            probe.check().await.expect("it was told to live with it");
        }
        house.ask::<()>(&["CONFIG", "SET", setting, sound]).await;
        comes_in_again(&strict).await;
        comes_in_again(&patient).await;
    }
    drained(&house.source("a")).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_worker_that_starts_on_a_full_redis_can_empty_it() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 4 << 20));
    house.redis.agree_on_shards().await.expect("the first");
    let (kept, error) = fill(&house.redis.ping_queue()).await;
    assert!(error.is_full(), "{}", error.chain());
    house.redis.agree_on_shards().await.expect("as many as it says");
    let batches = drained(&house.source("the first of all")).await;
    assert_eq!(
        batches.iter().map(|batch| batch.arrivals.len() as u64).sum::<u64>(),
        kept
    );
    house.nothing_is_left().await;
}
