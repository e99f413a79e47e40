//! What a worker meets in a stream that is not only ours.

use std::time::Duration;

use adapters::redis::Taking;
use ports::usage::{DeadContent, Outcome, PingQueue, PingSource, Receipt};
use testkit::arrivals::{device, numbered, ping};

use super::{House, NEVER, SHARDS, drained, drained_arrivals, soon, taking};

#[tokio::test]
async fn an_entry_with_other_fields_than_ours_is_unreadable_and_nothing_of_it_is_lost() {
    let house = House::start();
    let source = house.source("a");
    house
        .ask::<String>(&["XADD", "daybook:pings:2", "*", "ping", "1", "user", "ada"])
        .await;
    let batches = drained(&source).await;
    let letters: Vec<_> = batches.into_iter().flat_map(|batch| batch.unreadable).collect();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].content, DeadContent::Unreadable(b"ping 1 user ada".to_vec()));
    house.nothing_is_left().await;
}

#[tokio::test]
async fn an_entry_that_somebody_deleted_after_it_was_taken_is_acknowledged() {
    let house = House::start();
    house.redis.ping_queue().push(vec![ping(1, 0)]).await.expect("kept");
    let first = house.source("stable");
    let mut taken = None;
    for shard in 0..SHARDS {
        taken = taken.or(first.take(shard).await.expect("Redis is there"));
    }
    let receipt = taken.expect("a batch").receipt;
    let stream = format!("daybook:pings:{}", receipt.shard);
    house.ask::<u64>(&["XDEL", &stream, &receipt.entries[0]]).await;
    let again = house
        .source("stable")
        .take(receipt.shard)
        .await
        .expect("Redis is there");
    let again = again.expect("it is still among its own");
    assert_eq!(
        (again.arrivals.len(), again.unreadable.len(), &again.receipt),
        (0, 0, &receipt)
    );
    first
        .settle(&again.receipt, &Outcome::default())
        .await
        .expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn what_was_pushed_before_any_worker_existed_is_delivered() {
    let house = House::start();
    house.redis.ping_queue().push(vec![ping(1, 0)]).await.expect("kept");
    assert_eq!(drained_arrivals(&house.source("a")).await, [ping(1, 0)]);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn many_small_entries_make_one_batch() {
    let house = House::start();
    let door = house.redis.ping_queue();
    for count in 0..300 {
        door.push(vec![ping(1, count)]).await.expect("kept");
    }
    let batches = drained(&house.source("a")).await;
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].receipt.entries.len(), 300);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_batch_has_no_more_entries_than_it_may_and_any_number_can_be_settled() {
    // More than Lua has room for on its stack.
    const ENTRIES: usize = 9_000;
    let house = House::start();
    let mut add = redis::Pipeline::with_capacity(ENTRIES);
    for _ in 0..ENTRIES {
        // An entry without arrivals.
        add.cmd("XADD")
            .arg("daybook:pings:0")
            .arg("*")
            .arg("p")
            .arg(&[1])
            .ignore();
    }
    add.exec_async(&mut house.raw().await).await.expect("added");
    let source = house.source("a");
    let mut receipt = Receipt {
        shard: 0,
        entries: Vec::new(),
    };
    while let Some(batch) = source.take(0).await.expect("Redis is there") {
        assert!(batch.receipt.entries.len() <= 1_024, "{}", batch.receipt.entries.len());
        receipt.entries.extend(batch.receipt.entries);
    }
    assert_eq!(receipt.entries.len(), ENTRIES);
    source.hold(&receipt).await.expect("held");
    source.settle(&receipt, &Outcome::default()).await.expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn any_number_of_devices_can_be_told_of_at_once() {
    const DEVICES: u64 = 9_000;
    let house = House::start();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    for (plus, told) in [(5, 5), (4, 5), (6, 6)] {
        let nothing = Receipt {
            shard: 0,
            entries: Vec::new(),
        };
        let outcome = Outcome {
            merged_through: (0..DEVICES).map(|number| (device(number), number + plus)).collect(),
            ..Outcome::default()
        };
        source.settle(&nothing, &outcome).await.expect("settled");
        for number in [0, 1, 998, 999, 1_000, 5_000, DEVICES - 1] {
            let number_told = door.push(vec![numbered(number, 0)]).await.expect("kept");
            assert_eq!(number_told, Some(number + told));
        }
    }
    drained(&source).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn holding_does_not_count_as_a_delivery() {
    let house = House::start();
    let source = house.source("a");
    house.redis.ping_queue().push(vec![ping(1, 0)]).await.expect("kept");
    let mut taken = None;
    for shard in 0..SHARDS {
        taken = taken.or(source.take(shard).await.expect("Redis is there"));
    }
    let receipt = taken.expect("a batch").receipt;
    for _ in 0..3 {
        source.hold(&receipt).await.expect("held");
    }
    let stream = format!("daybook:pings:{}", receipt.shard);
    let pending: Vec<(String, String, u64, u64)> = house.ask(&["XPENDING", &stream, "daybook", "-", "+", "10"]).await;
    let [(_, name, _, deliveries)] = &pending[..] else {
        panic!("{pending:?}");
    };
    assert_eq!((name.as_str(), *deliveries), ("a", 1));
    source.settle(&receipt, &Outcome::default()).await.expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_worker_that_is_gone_is_forgotten_unless_it_holds_something() {
    let house = House::start();
    let stream = "daybook:pings:0";
    for name in ["idle", "busy"] {
        house.source(name).take(0).await.expect("Redis is there");
    }
    house.ask::<String>(&["XADD", stream, "*", "p", ""]).await;
    let busy = house.source("busy");
    let held = busy.take(0).await.expect("Redis is there").expect("a batch");
    let names = async || -> Vec<String> {
        let consumers: Vec<std::collections::HashMap<String, redis::Value>> =
            house.ask(&["XINFO", "CONSUMERS", stream, "daybook"]).await;
        let name = |consumer: &std::collections::HashMap<String, redis::Value>| {
            redis::from_redis_value_ref::<String>(&consumer["name"]).expect("a name")
        };
        consumers.iter().map(name).collect()
    };
    assert_eq!(names().await, ["busy", "idle"]);
    let impatient = house.redis.ping_source(&Taking {
        forgotten_after: Duration::from_millis(1),
        ..taking("impatient", NEVER)
    });
    soon(async {
        while names().await != ["busy", "impatient"] {
            impatient.take(0).await.expect("Redis is there");
        }
    })
    .await;
    busy.settle(&held.receipt, &Outcome::default()).await.expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn where_pings_lie_is_fixed() {
    let house = House::start();
    house.redis.agree_on_shards().await.expect("the first");
    house
        .redis
        .ping_queue()
        .push(vec![ping(0x0102, 0)])
        .await
        .expect("kept");
    let mut keys: Vec<String> = house.ask(&["KEYS", "*"]).await;
    keys.sort();
    assert_eq!(keys, ["daybook:pings:2", "daybook:pings:shards"]);
    drained(&house.source("a")).await;
    let groups: Vec<std::collections::HashMap<String, redis::Value>> =
        house.ask(&["XINFO", "GROUPS", "daybook:pings:2"]).await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["name"], redis::Value::BulkString(b"daybook".to_vec()));
}
