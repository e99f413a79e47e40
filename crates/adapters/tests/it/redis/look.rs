//! What whoever watches the queue sees.

use std::time::Duration;

use adapters::redis::QueueLook;
use ports::usage::{Outcome, Part, PingQueue, PingSource};
use testkit::arrivals::ping;
use testkit::servers::Fsync;

use super::{House, SHARDS, TestRedis, drained, taken};

impl House {
    async fn look(&self) -> QueueLook {
        let watch = self.redis.queue_watch(Duration::from_secs(5));
        watch.look().await.expect("Redis is there")
    }
}

#[tokio::test]
async fn everything_is_seen_at_once() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 64 << 20));
    let nothing = house.look().await;
    let lanes: Vec<_> = nothing
        .lanes
        .iter()
        .map(|lane| (lane.entries, lane.taken, lane.bytes, lane.oldest))
        .collect();
    assert!(lanes.iter().all(|lane| *lane == (0, 0, 0, None)), "{lanes:?}");
    assert_eq!((nothing.letters, nothing.memory_bytes_max), (0, 64 << 20));
    assert!(nothing.file_is_sound && nothing.memory_bytes > 0, "{nothing:?}");

    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    for number in 0..8 {
        door.push(vec![ping(number, 0), ping(number, 1)]).await.expect("kept");
    }
    let batch = taken(&source, 1, Part::Live).await.expect("a batch");
    let look = house.look().await;
    assert_eq!((look.books.received, look.books.in_flight), (16, 16));
    assert_eq!(look.lanes.iter().map(|lane| lane.entries).sum::<u64>(), 8);
    assert_eq!(
        look.lanes.iter().map(|lane| lane.taken).sum::<u64>(),
        batch.receipt.entries.len() as u64
    );
    assert!(look.lanes[0].bytes > 8 * 30, "{look:?}");
    assert!(
        look.lanes[0].oldest.is_some_and(|age| age < Duration::from_mins(1)),
        "{look:?}"
    );
    source
        .settle(&batch.receipt, &Outcome::default())
        .await
        .expect("settled");
    drained(&source).await;
    let look = house.look().await;
    assert_eq!((look.lanes[0].entries, look.lanes[0].oldest), (0, None));
    assert_eq!(look.books.merged, 16);
}

#[tokio::test]
async fn it_is_seen_in_a_redis_that_is_full() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 4 << 20));
    let door = house.redis.ping_queue();
    let mut count = 0;
    while door
        .push(vec![ping(count % u64::from(SHARDS), count); 100])
        .await
        .is_ok()
    {
        count += 1;
    }
    assert_eq!(house.look().await.books.in_flight, 100 * count);
    drained(&house.source("a")).await;
}

#[tokio::test]
async fn who_does_not_answer_is_waited_for_no_longer_than_was_said() {
    let mut house = House::start();
    let watch = house.redis.queue_watch(Duration::from_millis(100));
    watch.look().await.expect("Redis is there");
    house.server.pause();
    assert!(super::soon(watch.look()).await.expect_err("it stalls").is_unavailable());
    house.server.resume();
    watch.look().await.expect("Redis is there again");
}
