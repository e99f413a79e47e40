//! In which order a worker can take: live before bulk, the newest before what lags, and what ends its workers apart.

use domain::usage::{Arrival, Lane};
use ports::usage::{Batch, DeadContent, Outcome, Part, PingSource};

use super::{NEVER, QueueUnderTest, dead, drained, settled, taken, taken_now, taken_of, taken_part};
use crate::arrivals::{ping, user};

/// So many pings of one person are more than a batch holds.
const MORE_THAN_A_BATCH: u64 = 9_000;
/// And so many are pushed at once, to be live.
const AT_ONCE: usize = Lane::LIVE_PINGS_MAX;

fn pings(number: u64, from: u64, to: u64) -> Vec<Arrival> {
    (from..to).map(|count| ping(number, count)).collect()
}

async fn push_live(queue: &dyn QueueUnderTest, pings: &[Arrival]) {
    let door = queue.door();
    for some in pings.chunks(AT_ONCE) {
        door.push(some.to_vec()).await.expect("kept");
    }
}

/// A worker that has taken its first batch of a lane that lags, the batch, and what was pushed, of which the batch is the beginning.
async fn lagging(queue: &dyn QueueUnderTest) -> (std::sync::Arc<dyn PingSource>, Batch, Vec<Arrival>) {
    let pushed = pings(1, 0, MORE_THAN_A_BATCH);
    push_live(queue, &pushed).await;
    let worker = queue.impatient_worker("a");
    let first = taken_part(&*worker, Part::Live).await.expect("a batch");
    assert_eq!(first.arrivals, pushed[..first.arrivals.len()]);
    assert!(first.arrivals.len() < pushed.len());
    (worker, first, pushed)
}

/// # Panics
/// When the promise is broken.
pub async fn long_lists_have_a_lane_of_their_own(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let (long, short) = (pings(1, 0, 101), pings(1, 101, 201));
    door.push(long.clone()).await.expect("kept");
    door.push(short.clone()).await.expect("kept");
    for (part, pushed) in [(Part::Live, short), (Part::Bulk, long)] {
        let batch = taken_part(&*worker, part).await.expect("a batch");
        assert_eq!((batch.receipt.lane, &batch.arrivals), (part.lane(), &pushed));
        assert_eq!(taken_part(&*worker, part).await, None);
        worker.hold(&batch.receipt).await.expect("held");
        settled(&*worker, &batch, Outcome::default()).await;
    }
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_pushed_by_a_lane_goes_by_it_however_long_it_is(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    let (long, short) = (pings(1, 0, 101), pings(1, 101, 102));
    door.push_by(Lane::Live, long.clone()).await.expect("kept");
    door.push_by(Lane::Bulk, short.clone()).await.expect("kept");
    for (part, pushed) in [(Part::Live, long), (Part::Bulk, short)] {
        let batch = taken_part(&*worker, part).await.expect("a batch");
        assert_eq!((batch.receipt.lane, &batch.arrivals), (part.lane(), &pushed));
        settled(&*worker, &batch, Outcome::default()).await;
    }
}

/// # Panics
/// When the promise is broken.
pub async fn lanes_in_which_something_waits_are_ready_the_live_ones_first(queue: &dyn QueueUnderTest) {
    let (door, worker) = (queue.door(), queue.worker("a", NEVER));
    drained(&*worker).await;
    for number in 0..4 {
        door.push(pings(number, 0, 101)).await.expect("kept");
        door.push(pings(number, 101, 102)).await.expect("kept");
    }
    for _ in 0..2 {
        let ready = worker.ready().await.expect("the queue is there");
        let expected = Lane::ALL.map(|lane| (0..worker.shards()).map(move |shard| (shard, lane)));
        // Redis' first look at a queue names all of it, and four people are in four shards.
        assert_eq!(ready, expected.into_iter().flatten().collect::<Vec<_>>());
    }
    let mut arrivals = 0;
    for (shard, lane) in worker.ready().await.expect("the queue is there") {
        let part = if lane == Lane::Live { Part::Live } else { Part::Bulk };
        let batch = taken_of(&*worker, shard, part).await.expect("a batch");
        arrivals += batch.arrivals.len();
        settled(&*worker, &batch, Outcome::default()).await;
    }
    assert_eq!(arrivals, 4 * 102);
}

/// # Panics
/// When the promise is broken.
pub async fn nothing_is_ready_in_an_empty_queue(queue: &dyn QueueUnderTest) {
    let worker = queue.worker("a", NEVER);
    assert_eq!(taken_now(&*worker).await, None);
    assert_eq!(worker.ready().await.expect("the queue is there"), []);
}

/// # Panics
/// When the promise is broken.
pub async fn without_a_lag_the_newest_are_nothing_apart(queue: &dyn QueueUnderTest) {
    push_live(queue, &pings(1, 0, MORE_THAN_A_BATCH)).await;
    let worker = queue.worker("a", NEVER);
    assert_eq!(taken_part(&*worker, Part::Newest).await, None);
    let first = taken_part(&*worker, Part::Live).await.expect("a batch");
    push_live(queue, &pings(1, MORE_THAN_A_BATCH, MORE_THAN_A_BATCH + 1)).await;
    assert_eq!(taken_part(&*worker, Part::Newest).await, None);
    settled(&*worker, &first, Outcome::default()).await;
    drained(&*worker).await;
}

/// # Panics
/// When the promise is broken.
pub async fn the_newest_overtake_what_lags_and_do_not_come_again(queue: &dyn QueueUnderTest) {
    let (worker, first, mut expected) = lagging(queue).await;
    settled(&*worker, &first, Outcome::default()).await;
    expected.drain(..first.arrivals.len());
    let new = pings(1, MORE_THAN_A_BATCH, MORE_THAN_A_BATCH + 3);
    push_live(queue, &new).await;
    let newest = taken_part(&*worker, Part::Newest).await.expect("a batch");
    assert_eq!(newest.arrivals, new);
    assert_eq!(
        taken_part(&*worker, Part::Newest).await,
        None,
        "there are no more of them"
    );
    worker.hold(&newest.receipt).await.expect("held");
    settled(&*worker, &newest, Outcome::default()).await;
    assert_eq!(drained(&*worker).await, expected);
}

/// # Panics
/// When the promise is broken.
pub async fn the_newest_that_a_dead_worker_took_come_with_the_others(queue: &dyn QueueUnderTest) {
    let (dying, first, _) = lagging(queue).await;
    settled(&*dying, &first, Outcome::default()).await;
    let new = pings(1, MORE_THAN_A_BATCH, MORE_THAN_A_BATCH + 3);
    push_live(queue, &new).await;
    let newest = taken_part(&*dying, Part::Newest).await.expect("a batch");
    assert_eq!(newest.arrivals, new);
    drop(dying);
    let others = drained(&*queue.worker("another", NEVER)).await;
    assert!(others.ends_with(&new), "{} came", others.len());
}

/// # Panics
/// When the promise is broken.
pub async fn what_is_taken_both_ways_is_settled_once(queue: &dyn QueueUnderTest) {
    let (worker, first, _) = lagging(queue).await;
    settled(&*worker, &first, Outcome::default()).await;
    push_live(queue, &pings(1, MORE_THAN_A_BATCH, MORE_THAN_A_BATCH + 3)).await;
    let newest = taken_part(&*worker, Part::Newest).await.expect("a batch");
    let others = taken_part(&*worker, Part::Live).await.expect("a batch");
    assert!(others.arrivals.ends_with(&newest.arrivals), "the same come both ways");
    let outcome = Outcome {
        dead: vec![dead(&newest, newest.arrivals.len() - 1, "a test")],
        ..Outcome::default()
    };
    settled(&*worker, &newest, outcome.clone()).await;
    settled(&*worker, &newest, outcome).await;
    settled(&*worker, &others, Outcome::default()).await;
    let backlog = worker.backlog().await.expect("a backlog");
    assert_eq!((backlog.entries, backlog.in_flight, backlog.dead), (0, 0, 1));
}

/// # Panics
/// When the promise is broken.
pub async fn the_newest_are_nothing_apart_again_once_the_others_have_caught_up(queue: &dyn QueueUnderTest) {
    let (worker, first, pushed) = lagging(queue).await;
    settled(&*worker, &first, Outcome::default()).await;
    let rest = taken_part(&*worker, Part::Live).await.expect("a batch");
    assert_eq!(first.arrivals.len() + rest.arrivals.len(), pushed.len());
    settled(&*worker, &rest, Outcome::default()).await;
    let new = pings(1, MORE_THAN_A_BATCH, MORE_THAN_A_BATCH + 1);
    push_live(queue, &new).await;
    assert_eq!(taken_part(&*worker, Part::Newest).await, None);
    let batch = taken(&*worker).await;
    assert_eq!((batch.receipt.lane, &batch.arrivals), (Lane::Live, &new));
    settled(&*worker, &batch, Outcome::default()).await;
}

/// # Panics
/// When the promise is broken.
pub async fn what_ends_its_workers_is_taken_alone_and_then_given_up(queue: &dyn QueueUnderTest) {
    const TOGETHER: u64 = 5;
    const AT_ALL: u64 = 10;
    let door = queue.door();
    let poison = pings(1, 0, 2);
    door.push(poison.clone()).await.expect("kept");
    let neighbour = ping(1, 7);
    door.push(vec![neighbour.clone()]).await.expect("kept");
    for round in 0..AT_ALL {
        // As if it had come to an end with what it had.
        let worker = queue.worker("doomed", NEVER);
        let batch = taken(&*worker).await;
        assert_eq!(batch.unreadable, []);
        if round < TOGETHER {
            assert_eq!(batch.arrivals.len(), 3, "both, {round}");
        } else {
            assert_eq!(batch.arrivals, poison, "alone, {round}");
            let next = taken(&*worker).await;
            assert_eq!(next.arrivals, std::slice::from_ref(&neighbour));
            if round == AT_ALL - 1 {
                settled(&*worker, &next, Outcome::default()).await;
            }
        }
    }
    let worker = queue.worker("doomed", NEVER);
    let batch = taken(&*worker).await;
    assert_eq!(batch.arrivals, []);
    let given_up: Vec<&DeadContent> = batch.unreadable.iter().map(|dead| &dead.letter.content).collect();
    let expected: Vec<DeadContent> = poison.into_iter().map(DeadContent::Arrival).collect();
    assert_eq!(given_up, expected.iter().collect::<Vec<_>>());
    assert!(
        batch.unreadable[0].letter.reason.contains("10 times"),
        "{:?}",
        batch.unreadable
    );
    let outcome = Outcome {
        dead: batch.unreadable.clone(),
        ..Outcome::default()
    };
    settled(&*worker, &batch, outcome).await;
    let letters = queue.letters().list(None, 10).await.expect("a page");
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|kept| kept.letter.reason.contains("10 times")));
    // A person may try again.
    assert!(queue.letters().replay(&letters[0].id).await.expect("replayed"));
    let again = drained(&*worker).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].user(), user(1));
}
