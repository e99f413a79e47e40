//! Redis dies, stalls, fills up and forgets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use domain::usage::Arrival;
use futures_util::future::join_all;
use ports::Probe;
use ports::usage::{Batch, Dead, DeadContent, DeadLetter, DeadLetters, Outcome, Part, PingQueue, PingSource};
use testkit::arrivals::{device, numbered, ping, user};
use testkit::servers::Fsync;
use tokio::sync::Notify;

use super::{House, SHARDS, TestRedis, drained, drained_arrivals, soon, taken};

/// Says when so much has been counted.
#[derive(Default)]
struct Milestone {
    count: AtomicU64,
    reached: Notify,
}

impl Milestone {
    fn count(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.reached.notify_waiters();
    }

    async fn reach(&self, goal: u64) {
        loop {
            let reached = self.reached.notified();
            if self.count.load(Ordering::SeqCst) >= goal {
                return;
            }
            reached.await;
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_redis_is_killed_in_the_middle() {
    let mut house = House::durable();
    let door = Arc::new(house.redis.ping_queue());
    let (acknowledged, refused) = (Arc::new(Milestone::default()), Arc::new(Milestone::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..32)
        .map(|number| {
            let (door, stop) = (Arc::clone(&door), Arc::clone(&stop));
            let (acknowledged, refused) = (Arc::clone(&acknowledged), Arc::clone(&refused));
            tokio::spawn(async move {
                let mut ledger = Vec::new();
                let mut count = 0;
                while !stop.load(Ordering::SeqCst) {
                    match door.push(vec![ping(number, count)]).await {
                        Ok(_) => {
                            ledger.push((user(number), count));
                            acknowledged.count();
                        }
                        Err(error) => {
                            assert!(error.is_unavailable(), "{}", error.chain());
                            refused.count();
                        }
                    }
                    count += 1;
                    tokio::task::yield_now().await;
                }
                ledger
            })
        })
        .collect();
    for round in 1..=3 {
        soon(acknowledged.reach(round * 1_000)).await;
        house.server.kill();
        soon(refused.reach(round * 10)).await;
        house.server.restart();
    }
    soon(acknowledged.reach(5_000)).await;
    stop.store(true, Ordering::SeqCst);
    let mut ledger = BTreeSet::new();
    for caller in callers {
        ledger.extend(soon(caller).await.expect("it did not panic"));
    }
    let arrivals = drained_arrivals(&house.source("a")).await;
    let kept: BTreeSet<_> = arrivals
        .iter()
        .map(|arrival| (arrival.user(), count_of(arrival)))
        .collect();
    let lost: Vec<_> = ledger.difference(&kept).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged: {lost:?}",
        lost.len(),
        ledger.len()
    );
    assert!(ledger.len() >= 5_000);
    house.nothing_is_left().await;
}

/// Which of a person's pings it is.
fn count_of(arrival: &Arrival) -> u64 {
    match arrival {
        Arrival::Claim { claim, .. } => {
            let since = claim.segment.span.start().0 - testkit::arrivals::START.0;
            (since / testkit::arrivals::PING_MS).unsigned_abs()
        }
        Arrival::Refused { seq, .. } => seq.get() - 1,
        Arrival::Heartbeat { .. } => panic!("none was sent"),
    }
}

#[tokio::test]
async fn a_door_that_was_opened_before_redis_was_there_works_once_it_is() {
    let mut house = House::start();
    house.server.kill();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    assert!(door.push(vec![ping(1, 0)]).await.expect_err("away").is_unavailable());
    assert!(
        source
            .take(0, Part::Live, Batch::ARRIVALS_MAX)
            .await
            .expect_err("away")
            .is_unavailable()
    );
    assert!(source.backlog().await.expect_err("away").is_unavailable());
    house.server.restart();
    door.push(vec![ping(1, 0)]).await.expect("kept");
    assert_eq!(drained_arrivals(&source).await, [ping(1, 0)]);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_redis_that_stalls_is_unavailable_for_those_who_wait_and_no_longer() {
    let mut house = House::start();
    house.redis = house.redis.with_answer_max(Duration::from_millis(300));
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    house.server.pause();
    for round in 0..2 {
        let pushes = (0..64).map(|number| door.push(vec![ping(number, 1 + round)]));
        for pushed in soon(join_all(pushes)).await {
            assert!(pushed.expect_err("it stalls").is_unavailable());
        }
        assert!(
            soon(source.take(0, Part::Live, Batch::ARRIVALS_MAX))
                .await
                .expect_err("it stalls")
                .is_unavailable()
        );
    }
    house.server.resume();
    door.push(vec![ping(1, 9)]).await.expect("kept");
    let arrivals = drained_arrivals(&source).await;
    // What was refused may have been kept; what was kept is there.
    assert!(arrivals.contains(&ping(1, 0)) && arrivals.contains(&ping(1, 9)));
    house.nothing_is_left().await;
}

#[tokio::test]
async fn nobody_notices_that_redis_was_restarted_while_nothing_was_asked_of_it() {
    let mut house = House::durable();
    let (door, source, probe) = (house.redis.ping_queue(), house.source("a"), house.redis.probe());
    let letters = house.redis.dead_letters();
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let batch = first_batch(&source).await;
    letters.list(None, 1).await.expect("a page");
    probe.check().await.expect("it is there");
    for _ in 0..2 {
        house.server.restart();
        door.push(vec![ping(1, 1)]).await.expect("kept");
        probe.check().await.expect("it is there");
        letters.list(None, 1).await.expect("a page");
        source.hold(&batch.receipt).await.expect("held");
        house.server.restart();
        source.backlog().await.expect("a backlog");
        house.server.restart();
        source
            .settle(&batch.receipt, &Outcome::default())
            .await
            .expect("settled");
    }
    drained(&house.source("b")).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_batch_can_be_settled_after_redis_was_killed() {
    let mut house = House::durable();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let batch = first_batch(&source).await;
    house.server.kill();
    assert!(source.hold(&batch.receipt).await.expect_err("away").is_unavailable());
    let settle = source.settle(&batch.receipt, &Outcome::default()).await;
    assert!(settle.expect_err("away").is_unavailable());
    house.server.restart();
    source.hold(&batch.receipt).await.expect("held");
    source
        .settle(&batch.receipt, &Outcome::default())
        .await
        .expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn what_was_taken_when_redis_died_comes_again_to_the_same_worker_at_once() {
    let mut house = House::durable();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let batch = first_batch(&source).await;
    house.server.kill();
    assert!(
        source
            .take(batch.receipt.shard, Part::Live, Batch::ARRIVALS_MAX)
            .await
            .is_err()
    );
    house.server.restart();
    let again = source
        .take(batch.receipt.shard, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("Redis is there");
    assert_eq!(again, Some(batch));
    drained(&house.source("a")).await;
    house.nothing_is_left().await;
}

async fn first_batch(source: &impl PingSource) -> Batch {
    for shard in 0..SHARDS {
        for part in [Part::Live, Part::Bulk] {
            if let Some(batch) = taken(source, shard, part).await {
                return batch;
            }
        }
    }
    panic!("nothing was pushed");
}

#[tokio::test]
async fn a_redis_that_lost_its_data_is_set_up_again() {
    let house = House::start();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    door.push(vec![ping(1, 0)]).await.expect("kept");
    let batch = first_batch(&source).await;
    house.ask::<()>(&["FLUSHALL"]).await;
    source.hold(&batch.receipt).await.expect("there is nothing to hold");
    source
        .settle(&batch.receipt, &Outcome::default())
        .await
        .expect("there is nothing to settle");
    let backlog = source.backlog().await.expect("a backlog");
    assert_eq!((backlog.entries, backlog.in_flight), (0, 0));
    door.push(vec![ping(1, 1)]).await.expect("kept");
    assert_eq!(drained_arrivals(&source).await, [ping(1, 1)]);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_worker_that_waits_while_redis_loses_its_data_gets_what_comes_next() {
    let house = House::start();
    let source = Arc::new(house.redis.ping_source(&adapters::redis::Taking::by("a")));
    let door = house.redis.ping_queue();
    // Makes the group, so that the next call waits.
    while source
        .take(2, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("Redis is there")
        .is_some()
    {}
    let waiting = tokio::spawn({
        let source = Arc::clone(&source);
        async move {
            loop {
                if let Some(batch) = source
                    .take(2, Part::Live, Batch::ARRIVALS_MAX)
                    .await
                    .expect("Redis is there")
                {
                    return batch;
                }
            }
        }
    });
    soon(async {
        while house
            .ask::<String>(&["CLIENT", "LIST"])
            .await
            .lines()
            .all(|client| !client.contains("cmd=xreadgroup"))
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    house.ask::<()>(&["FLUSHALL"]).await;
    door.push(vec![ping(2, 0)]).await.expect("kept");
    let batch = soon(waiting).await.expect("it did not panic");
    assert_eq!(batch.arrivals, [ping(2, 0)]);
    source
        .settle(&batch.receipt, &Outcome::default())
        .await
        .expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_full_redis_refuses_until_the_worker_has_made_room() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 4 << 20));
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    // Makes the groups while there is room.
    drained(&source).await;
    let mut kept = 0;
    let error = loop {
        let pushed = (0..1_000).map(|count| ping(kept % 8, count)).collect();
        match door.push(pushed).await {
            Ok(_) if kept < 1_000 => kept += 1,
            Ok(_) => panic!("it is never full"),
            Err(error) => break error,
        }
    };
    assert!(
        error.is_unavailable() && error.chain().contains("OOM"),
        "{}",
        error.chain()
    );

    // To a full Redis a worker can still say that it merged and what is dead.
    let batch = first_batch(&source).await;
    let outcome = Outcome {
        merged_through: vec![(device(1), 9)],
        dead: vec![Dead {
            entry: 0,
            letter: DeadLetter {
                content: DeadContent::Arrival(ping(1, 0)),
                reason: "a test".to_owned(),
            },
        }],
        ..Outcome::default()
    };
    source.settle(&batch.receipt, &outcome).await.expect("settled");
    let arrivals = batch.arrivals.len() + drained_arrivals(&source).await.len();
    assert!(arrivals >= 1_000 * usize::try_from(kept).expect("small"));
    assert_eq!(door.push(vec![numbered(1, 0)]).await.expect("there is room"), Some(9));
    assert_eq!(
        house.redis.dead_letters().list(None, 10).await.expect("a page").len(),
        1
    );
    drained(&source).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_redis_that_may_not_be_written_to_is_unavailable() {
    let mut house = House::start();
    let door = house.redis.ping_queue();
    house.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = door.push(vec![ping(1, 0)]).await.expect_err("read-only");
    assert!(
        error.is_unavailable() && error.chain().to_lowercase().contains("readonly"),
        "{}",
        error.chain()
    );
    house.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    door.push(vec![ping(1, 0)]).await.expect("kept");
    house.server.restart();
    assert_eq!(drained_arrivals(&house.source("a")).await, [ping(1, 0)]);
    house.nothing_is_left().await;
}
