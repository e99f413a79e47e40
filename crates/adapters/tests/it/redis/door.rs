//! What callers push together is written together, within bounds.

use domain::time::{Span, UnixMs};
use domain::usage::{Arrival, Claim, Label};
use futures_util::future::join_all;
use futures_util::poll;
use ports::usage::{Batch, Part, PingQueue, PingSource};
use testkit::arrivals::{numbered, ping};
use testkit::servers::Fsync;

use super::{House, SHARDS, TestRedis, drained_arrivals, soon};

#[tokio::test]
async fn callers_at_the_same_time_share_one_write() {
    let house = House::start();
    let door = house.redis.ping_queue();
    let pushes = (0..64).map(|number| door.push(vec![ping(number, 0)]));
    assert!(join_all(pushes).await.into_iter().all(|pushed| pushed.is_ok()));
    // All of them were waiting before the first could be written.
    assert_eq!(house.entries().await, u64::from(SHARDS));
    assert_eq!(drained_arrivals(&house.source("a")).await.len(), 64);
    house.nothing_is_left().await;
}

#[tokio::test]
async fn each_caller_is_told_the_number_of_its_own_device() {
    let house = House::start();
    let (door, source) = (house.redis.ping_queue(), house.source("a"));
    let merge = async |number| {
        door.push(vec![ping(number, 0)]).await.expect("kept");
        let mut batch = None;
        for shard in 0..SHARDS {
            batch = batch.or(source
                .take(shard, Part::Live, Batch::ARRIVALS_MAX)
                .await
                .expect("Redis is there"));
        }
        let outcome = ports::usage::Outcome {
            merged_through: vec![(testkit::arrivals::device(number), 100 + number)],
            ..Default::default()
        };
        let receipt = batch.expect("a batch").receipt;
        source.settle(&receipt, &outcome).await.expect("settled");
    };
    for number in 0..20 {
        merge(number).await;
    }
    // Every third does not ask, every fifth is not known.
    let pushes = (0..30).map(|number| {
        let arrival = if number % 3 == 0 {
            ping(number, 0)
        } else {
            numbered(number, 0)
        };
        door.push(vec![arrival])
    });
    let told: Vec<Option<u64>> = join_all(pushes)
        .await
        .into_iter()
        .map(|pushed| pushed.expect("kept"))
        .collect();
    let expected = (0..30).map(|number| (number % 3 != 0 && number < 20).then_some(100 + number));
    assert_eq!(told, expected.collect::<Vec<_>>());
    drained_arrivals(&source).await;
    house.nothing_is_left().await;
}

#[tokio::test]
async fn no_more_callers_wait_than_may() {
    const WAITING_MAX: usize = 8_192;
    let house = House::start();
    let door = house.redis.ping_queue();
    let mut pushes: Vec<_> = (0..WAITING_MAX as u64)
        .map(|number| door.push(vec![ping(number, 0)]))
        .collect();
    // Nobody is served meanwhile, because the test does not wait.
    for push in &mut pushes {
        assert!(poll!(push.as_mut()).is_pending());
    }
    let error = door.push(vec![ping(0, 1)]).await.expect_err("one too many");
    assert!(error.is_unavailable(), "{}", error.chain());
    assert!(soon(join_all(pushes)).await.into_iter().all(|pushed| pushed.is_ok()));
    door.push(vec![ping(0, 1)]).await.expect("there is room again");
    assert_eq!(drained_arrivals(&house.source("a")).await.len(), WAITING_MAX + 1);
    house.nothing_is_left().await;
}

/// A ping with the longest label.
fn long_ping(number: u64, count: u64) -> Arrival {
    let Arrival::Claim { claim, seq } = ping(number, count) else {
        panic!("a claim");
    };
    let mut segment = claim.segment;
    segment.span = Span::new(UnixMs(i64::MIN), UnixMs(i64::MAX)).expect("not empty");
    segment.holder.label = Label::trusted(&"𝄞".repeat(255), Some(&"d".repeat(253)));
    let user = claim.user;
    Arrival::Claim {
        claim: Claim { user, segment },
        seq,
    }
}

#[tokio::test]
async fn no_more_bytes_wait_than_may() {
    let house = House::on(TestRedis::start_with(Fsync::Never, 0));
    let door = house.redis.ping_queue();
    let large: Vec<Arrival> = (0..1_000).map(|count| long_ping(1, count)).collect();
    let mut pushes = Vec::new();
    // 1.3 MB each, of 64 MiB.
    let refused = loop {
        let mut push = door.push(large.clone());
        match poll!(push.as_mut()) {
            std::task::Poll::Pending => pushes.push(push),
            std::task::Poll::Ready(refused) => break refused,
        }
        assert!(pushes.len() < 100, "nothing is refused");
    };
    assert!(refused.expect_err("too much").is_unavailable());
    let kept = 1_000 * pushes.len();
    assert!(soon(join_all(pushes)).await.into_iter().all(|pushed| pushed.is_ok()));
    let arrivals = drained_arrivals(&house.source("a")).await;
    assert_eq!(arrivals.len(), kept);
    assert!(arrivals.chunks(1_000).all(|chunk| chunk == large));
    house.nothing_is_left().await;
}
