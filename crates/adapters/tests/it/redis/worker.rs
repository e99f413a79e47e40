//! What a worker meets in a stream that is not only ours.

use std::time::Duration;

use adapters::redis::Taking;
use domain::usage::Lane;
use ports::usage::{Batch, DeadContent, Outcome, Part, PingQueue, PingSource, Receipt};
use testkit::arrivals::{device, numbered, ping};

use super::{House, NEVER, SHARDS, drained, drained_arrivals, soon, taken, taking};

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
    assert_eq!(
        letters[0].letter.content,
        DeadContent::Unreadable(b"ping 1 user ada".to_vec())
    );
    house.nothing_is_left().await;
}

#[tokio::test]
async fn an_entry_that_somebody_deleted_after_it_was_taken_is_acknowledged() {
    let house = House::start();
    house.redis.ping_queue().push(vec![ping(1, 0)]).await.expect("kept");
    let first = house.source("stable");
    let mut batch = None;
    for shard in 0..SHARDS {
        batch = batch.or(first
            .take(shard, Part::Live, Batch::ARRIVALS_MAX)
            .await
            .expect("Redis is there"));
    }
    let receipt = batch.expect("a batch").receipt;
    let stream = format!("daybook:pings:{}", receipt.shard);
    house.ask::<u64>(&["XDEL", &stream, &receipt.entries[0].name]).await;
    let again = house.source("stable");
    assert_eq!(
        taken(&again, receipt.shard, Part::Live).await,
        None,
        "nothing is left of it"
    );
    assert_eq!(house.entries().await, 0);
    first
        .settle(&receipt, &Outcome::default())
        .await
        .expect("there is nothing to settle");
    let books = house.redis.books().await.expect("Redis is there");
    assert_eq!(
        (books.received, books.in_flight),
        (1, 1),
        "nobody knows what became of it"
    );
}

#[tokio::test]
async fn small_entries_before_large_ones_make_no_batch_too_large_and_change_no_order() {
    const SMALL: u64 = 200;
    const LISTS: u64 = 100;
    const LIST: u64 = 100;
    let house = House::start();
    let door = house.redis.ping_queue();
    for number in 0..SMALL {
        door.push(vec![ping(1, number)]).await.expect("kept");
    }
    for list in 0..LISTS {
        let first = SMALL + list * LIST;
        let pings = (first..first + LIST).map(|number| ping(1, number)).collect();
        door.push(pings).await.expect("kept");
    }
    let batches = drained(&house.source("a")).await;
    let sizes: Vec<_> = batches.iter().map(|batch| batch.arrivals.len()).collect();
    assert!(
        sizes.len() >= 2 && sizes.iter().all(|size| *size <= Batch::ARRIVALS_MAX),
        "{sizes:?}"
    );
    assert!(
        batches[0].arrivals.len() + 256 > Batch::ARRIVALS_MAX,
        "the first is full: {sizes:?}"
    );
    let arrived: Vec<_> = batches.into_iter().flat_map(|batch| batch.arrivals).collect();
    let pushed: Vec<_> = (0..SMALL + LISTS * LIST).map(|number| ping(1, number)).collect();
    assert_eq!(arrived, pushed);
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
        lane: Lane::Live,
        entries: Vec::new(),
    };
    while let Some(batch) = source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("Redis is there")
    {
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
            lane: Lane::Live,
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
    let mut batch = None;
    for shard in 0..SHARDS {
        batch = batch.or(source
            .take(shard, Part::Live, Batch::ARRIVALS_MAX)
            .await
            .expect("Redis is there"));
    }
    let receipt = batch.expect("a batch").receipt;
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
    drained(&house.source("idle")).await;
    house
        .ask::<u64>(&["XGROUP", "CREATECONSUMER", stream, "daybook", "idle"])
        .await;
    house.ask::<String>(&["XADD", stream, "*", "p", ""]).await;
    let busy = house.source("busy");
    let held = busy
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("Redis is there")
        .expect("a batch");
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
        while names().await.contains(&"idle".to_owned()) {
            impatient
                .take(0, Part::Live, Batch::ARRIVALS_MAX)
                .await
                .expect("Redis is there");
        }
    })
    .await;
    assert!(names().await.contains(&"busy".to_owned()));
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
    assert_eq!(keys, ["daybook:pings:2", "daybook:pings:books", "daybook:pings:shards"]);
    drained(&house.source("a")).await;
    let groups: Vec<std::collections::HashMap<String, redis::Value>> =
        house.ask(&["XINFO", "GROUPS", "daybook:pings:2"]).await;
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0]["name"], redis::Value::BulkString(b"daybook".to_vec()));
}

#[tokio::test]
async fn what_was_found_waiting_and_was_then_left_for_too_long_is_given_out_once() {
    let house = House::start();
    let source = house.redis.ping_source(&taking("a", Duration::ZERO));
    drained(&source).await;
    house.redis.ping_queue().push(vec![ping(1, 0)]).await.expect("kept");
    // Delivers it, and with this bound it counts as abandoned at once.
    source.ready().await.expect("Redis is there");
    assert_eq!(source.backlog().await.expect("a backlog").in_flight, 1);
    let batch = taken(&source, 1, Part::Live).await.expect("a batch");
    assert_eq!((batch.arrivals.len(), batch.receipt.entries.len()), (1, 1));
    source
        .settle(&batch.receipt, &Outcome::default())
        .await
        .expect("settled");
    house.nothing_is_left().await;
}

#[tokio::test]
async fn a_long_list_goes_into_the_stream_beside_and_a_worker_that_knows_but_one_leaves_it_there() {
    let house = House::start();
    let door = house.redis.ping_queue();
    door.push((0..101).map(|count| ping(2, count)).collect())
        .await
        .expect("kept");
    door.push(vec![ping(2, 101)]).await.expect("kept");
    for (stream, entries) in [("daybook:pings:2", 1), ("daybook:pings:2:bulk", 1)] {
        assert_eq!(house.ask::<u64>(&["XLEN", stream]).await, entries, "{stream}");
    }
    // As a worker of before reads.
    house
        .ask::<String>(&["XGROUP", "CREATE", "daybook:pings:2", "daybook", "0"])
        .await;
    house
        .ask::<redis::Value>(&[
            "XREADGROUP",
            "GROUP",
            "daybook",
            "before",
            "STREAMS",
            "daybook:pings:2",
            ">",
        ])
        .await;
    assert_eq!(drained_arrivals(&house.source("a")).await.len(), 101);
    assert_eq!(drained_arrivals(&house.source("before")).await.len(), 1);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn the_group_of_the_newest_is_there_only_while_a_lane_lags() {
    let house = House::start();
    let door = house.redis.ping_queue();
    for list in 0..90 {
        let pings = (0..100).map(|count| ping(0, 100 * list + count)).collect();
        door.push(pings).await.expect("kept");
    }
    let groups = async || -> Vec<std::collections::HashMap<String, redis::Value>> {
        house.ask(&["XINFO", "GROUPS", "daybook:pings:0"]).await
    };
    let source = house.redis.ping_source(&Taking {
        lags_after: Duration::ZERO,
        ..taking("a", NEVER)
    });
    let first = taken(&source, 0, Part::Live).await.expect("a batch");
    assert_eq!(groups().await.len(), 2);
    // A worker that restarts does not know of it, and takes it away when all is taken.
    let again = house.source("a");
    for batch in [&first].into_iter().chain(&drained(&again).await) {
        again
            .settle(&batch.receipt, &Outcome::default())
            .await
            .expect("settled");
    }
    assert_eq!(groups().await.len(), 1);
    assert_eq!(
        taken(&source, 0, Part::Newest).await,
        None,
        "nor is that an error to others"
    );
    house.nothing_is_left().await;
}
