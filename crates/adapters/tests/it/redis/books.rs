//! The books of the queue, where a real Redis makes a difference: crashes, room that is used up, streams that are older than the books.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use adapters::redis::{RedisPingQueue, RedisPingSource};
use futures_util::future::join_all;
use ports::usage::{
    Batch, Books, Dead, DeadContent, DeadLetter, DeadLetters, Outcome, Part, PingErasure, PingQueue, PingSource,
};
use redis::cmd;
use testkit::arrivals::{ping, user};
use testkit::servers::Fsync;

use super::{House, SHARDS, TestRedis, drained, drained_arrivals, soon, taken};

impl House {
    async fn books(&self) -> Books {
        self.redis.books().await.expect("Redis is there")
    }

    /// Puts an entry into the first shard as somebody would who knows nothing of books.
    async fn add(&self, bytes: &[u8]) {
        let mut add = cmd("XADD");
        add.arg("daybook:pings:0").arg("*").arg("p").arg(bytes);
        add.query_async::<String>(&mut self.raw().await).await.expect("added");
    }

    /// Puts a letter beside the others as a program did that was older than the books.
    async fn add_letter(&self, bytes: &[u8]) {
        let mut add = cmd("XADD");
        add.arg("daybook:pings:dead").arg("*").arg("p").arg(bytes);
        add.arg("reason").arg("a test").arg("shard").arg(0);
        add.query_async::<String>(&mut self.raw().await).await.expect("added");
    }
}

/// An entry of a stream: its id and its fields.
type Raw = (String, Vec<(String, Vec<u8>)>);

/// The bytes of an entry that a door has written.
async fn entry_of(number: u64, count: u64) -> Vec<u8> {
    let house = House::start();
    house
        .redis
        .ping_queue()
        .push(vec![ping(number, count)])
        .await
        .expect("kept");
    let stream = format!("daybook:pings:{number}");
    let [entry]: [Raw; 1] = house.ask(&["XRANGE", &stream, "-", "+"]).await;
    drained(&house.source("a")).await;
    entry.1[0].1.clone()
}

#[tokio::test]
async fn what_waited_before_there_were_books_is_received_when_it_is_settled() {
    let house = House::start();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    for count in 0..3 {
        house.add(&entry_of(0, count).await).await;
    }
    assert_eq!(house.books().await, Books::default());
    let old = taken(&source, 0, Part::Live).await.expect("a batch");
    door.push(vec![ping(0, 3), ping(0, 4)]).await.expect("kept");
    source.settle(&old.receipt, &Outcome::default()).await.expect("settled");
    // Three of which two are known: the third was received as well, and what waits is known once it is settled.
    let books = house.books().await;
    assert_eq!((books.received, books.merged, books.in_flight), (3, 3, 0));
    assert_eq!(drained_arrivals(&source).await.len(), 2);
    let expected = Books {
        received: 5,
        merged: 5,
        ..Books::default()
    };
    assert_eq!(house.books().await, expected);
}

#[tokio::test]
async fn letters_that_are_older_than_the_books_are_in_them_once_they_are_replayed() {
    let house = House::start();
    let letters = house.redis.dead_letters();
    for (number, count) in [(0, 0), (0, 1), (1, 0)] {
        house.add_letter(&entry_of(number, count).await).await;
    }
    let first = letters.list(None, 1).await.expect("a page")[0].id.clone();
    assert!(letters.replay(&first).await.expect("replayed"));
    let expected = Books {
        received: 1,
        in_flight: 1,
        ..Books::default()
    };
    assert_eq!(house.books().await, expected);
    house.redis.ping_erasure().erase(&[user(1)], &[]).await.expect("erased");
    assert_eq!(letters.list(None, 10).await.expect("a page").len(), 1);
    assert_eq!(house.books().await, expected);
    drained(&house.source("a")).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn an_entry_of_a_newer_version_counts_as_what_it_says_of_itself() {
    let house = House::start();
    let source = house.source("a");
    let entries: [(&[u8], u64); 8] = [
        (&[2, 0], 1),
        (&[2, 1, 77], 1),
        (&[3, 0x80, 2], 256),
        (&[3, 0x81, 2], 1),
        (&[2, 0x80], 1),
        (&[1, 9, 9], 1),
        (b"page", 1),
        (&[], 1),
    ];
    for (bytes, counts_as) in entries {
        let before = house.books().await;
        house.add(bytes).await;
        let batch = taken(&source, 0, Part::Live).await.expect("a batch");
        let outcome = Outcome {
            dead: batch.unreadable.clone(),
            ..Outcome::default()
        };
        source.settle(&batch.receipt, &outcome).await.expect("settled");
        let books = house.books().await;
        assert_eq!(books.dead - before.dead, counts_as, "{bytes:?}");
        assert!(books.balance() && books.in_flight == 0, "{books:?}");
    }
    let letters = house.redis.dead_letters();
    for kept in letters.list(None, 10).await.expect("a page") {
        assert!(letters.replay(&kept.id).await.expect("replayed"));
    }
    let books = house.books().await;
    assert_eq!((books.dead, books.in_flight), (0, books.received));
    drained(&source).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_redis_that_is_full_takes_nothing_and_counts_nothing() {
    let house = House::on(TestRedis::start_with(Fsync::EverySecond, 4 << 20));
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    drained(&source).await;
    let (mut kept, mut refused) = (0, 0);
    while refused < 20 {
        // Callers of all shards share a write, of which nothing or everything is kept.
        let pushes = (0..8).map(|number| door.push((0..100).map(|count| ping(number, count)).collect()));
        for pushed in join_all(pushes).await {
            match pushed {
                Ok(_) => kept += 100,
                Err(error) => {
                    assert!(
                        error.is_unavailable() && error.chain().contains("OOM"),
                        "{}",
                        error.chain()
                    );
                    refused += 1;
                }
            }
        }
        let books = house.books().await;
        assert_eq!((books.received, books.in_flight), (kept, kept));
    }
    assert_eq!(drained_arrivals(&source).await.len() as u64, kept);
    house.nothing_is_left().await;
}

/// Pushes until it is over. Answers how many arrivals were kept for sure.
async fn push_on(door: RedisPingQueue, number: u64, over: Arc<AtomicBool>) -> u64 {
    let mut kept = 0;
    let mut count = 0;
    while !over.load(Ordering::SeqCst) {
        let pushed = door.push(vec![ping(number, count), ping(number, count)]).await;
        kept += if pushed.is_ok() { 2 } else { 0 };
        count += 1;
        tokio::task::yield_now().await;
    }
    kept
}

/// Takes batches until it is over, buries the first arrival of each, and settles it twice, as when an answer was lost.
async fn settle_on(source: RedisPingSource, shard: u16, over: Arc<AtomicBool>) {
    while !over.load(Ordering::SeqCst) {
        let Ok(Some(batch)) = source.take(shard, Part::Live, Batch::ARRIVALS_MAX).await else {
            continue;
        };
        let letter = DeadLetter {
            content: DeadContent::Arrival(batch.arrivals[0].clone()),
            reason: "a test".to_owned(),
        };
        let outcome = Outcome {
            dead: vec![Dead { entry: 0, letter }],
            ..Outcome::default()
        };
        for _ in 0..2 {
            // Redis may be away. What it has not heard of comes again.
            let _ = source.settle(&batch.receipt, &outcome).await;
        }
    }
}

/// Doors and workers in plenty, Redis killed in the middle, and somebody who reads the books all the time.
#[tokio::test]
async fn the_books_balance_at_every_moment() {
    const ROUNDS: u64 = 4;
    let mut house = House::durable();
    let over = Arc::new(AtomicBool::new(false));
    let doors: Vec<_> = (0..8)
        .map(|number| tokio::spawn(push_on(house.redis.ping_queue(), number, Arc::clone(&over))))
        .collect();
    let workers: Vec<_> = (0..SHARDS)
        .map(|shard| {
            let source = house.source(&format!("worker-{shard}"));
            tokio::spawn(settle_on(source, shard, Arc::clone(&over)))
        })
        .collect();
    for round in 1..=ROUNDS {
        soon(async {
            loop {
                let books = house.books().await;
                assert!(books.balance(), "{books:?}");
                if books.merged > round * 500 {
                    return;
                }
            }
        })
        .await;
        house.server.kill();
        house.server.restart();
        let books = house.books().await;
        assert!(books.balance(), "after a crash: {books:?}");
    }
    over.store(true, Ordering::SeqCst);
    let mut kept = 0;
    for door in doors {
        kept += soon(door).await.expect("it did not panic");
    }
    for worker in workers {
        soon(worker).await.expect("it did not panic");
    }
    for shard in 0..SHARDS {
        drained(&house.source(&format!("worker-{shard}"))).await;
    }
    house.nothing_is_left().await;
    let books = house.books().await;
    assert!(books.received >= kept, "{kept} were accepted: {books:?}");
    let letters = house.redis.dead_letters().list(None, 100_000).await.expect("a page");
    assert_eq!(books.dead, letters.len() as u64, "each is kept once");
}
