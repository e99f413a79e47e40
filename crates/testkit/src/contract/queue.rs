//! What the queue promises to the door, to workers and to the operator.

mod books;
mod delivery;
mod erasure;
mod lanes;
mod letters;
mod pending;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::usage::Arrival;
use ports::usage::{
    Backlog, Batch, Books, Dead, DeadContent, DeadLetter, DeadLetters, Outcome, Part, PendingPings, PingErasure,
    PingQueue, PingSource,
};
use tokio::time::timeout;

pub use books::*;
pub use delivery::*;
pub use erasure::*;
pub use lanes::*;
pub use letters::*;
pub use pending::*;
pub use takeover::*;

/// How long a test waits for what must come.
const SOON: Duration = Duration::from_secs(30);
/// Longer than any test lasts.
const NEVER: Duration = Duration::from_hours(1);

/// A queue of several shards to put to the test, empty and with nobody else on it.
#[async_trait]
pub trait QueueUnderTest: Send + Sync {
    /// The door's side.
    fn door(&self) -> Arc<dyn PingQueue>;

    /// The side of a worker that starts now, under this name, and takes over what was not held for this long. Its `ready` waits at most 100 ms.
    fn worker(&self, name: &str, abandoned_after: Duration) -> Arc<dyn PingSource>;

    /// The side of a worker for whom any time between two entries is long: it takes the newest first wherever a batch leaves some over.
    fn impatient_worker(&self, name: &str) -> Arc<dyn PingSource>;

    /// The operator's side.
    fn letters(&self) -> Arc<dyn DeadLetters>;

    /// What forgets people.
    fn erasure(&self) -> Arc<dyn PingErasure>;

    /// What tells what of somebody is on its way.
    fn pending(&self) -> Arc<dyn PendingPings>;

    /// What became of all arrivals.
    async fn books(&self) -> Books;

    /// Puts bytes into a shard that nobody can read, and counts them as one arrival.
    async fn push_unreadable(&self, shard: u16, bytes: Vec<u8>);
}

/// The tests of the contract, against the queue that an expression makes: one for each promise, each with a queue of its own.
#[macro_export]
macro_rules! queue_contract {
    ($queue:expr) => {
        $crate::queue_contract!($queue;
            what_is_pushed_is_delivered_whole_and_in_order,
            all_of_a_person_is_in_one_shard,
            an_empty_queue_gives_nothing,
            a_batch_has_a_bound,
            a_batch_is_as_small_as_it_is_asked_for,
            a_shard_that_does_not_exist_is_a_bug,
            long_lists_have_a_lane_of_their_own,
            what_is_pushed_by_a_lane_goes_by_it_however_long_it_is,
            lanes_in_which_something_waits_are_ready_the_live_ones_first,
            nothing_is_ready_in_an_empty_queue,
            without_a_lag_the_newest_are_nothing_apart,
            the_newest_overtake_what_lags_and_do_not_come_again,
            the_newest_that_a_dead_worker_took_come_with_the_others,
            what_is_taken_both_ways_is_settled_once,
            the_newest_are_nothing_apart_again_once_the_others_have_caught_up,
            what_ends_its_workers_is_taken_alone_and_then_given_up,
            a_device_is_told_how_far_it_is_merged,
            a_number_never_goes_down,
            the_backlog_counts_what_waits_what_is_taken_and_what_is_dead,
            many_may_push_at_once,
            what_a_dead_worker_took_is_taken_over,
            what_is_held_is_not_taken_over,
            a_worker_that_restarts_goes_on_with_what_it_had,
            settling_again_changes_nothing,
            both_may_settle_what_was_taken_over,
            what_was_taken_is_not_delivered_again_to_the_same_worker,
            two_workers_share_what_there_is,
            dead_letters_are_listed_in_pages_oldest_first,
            a_dead_arrival_is_replayed_once,
            unreadable_bytes_are_replayed_as_they_are,
            what_is_unreadable_holds_nothing_else_back,
            a_letter_that_does_not_exist_is_not_replayed,
            an_empty_queue_has_no_oldest_entry,
            the_oldest_entry_is_the_first_that_is_not_settled,
            a_letter_that_is_replayed_counts_from_then_on,
            the_letters_of_erased_people_are_forgotten_and_no_others,
            an_unreadable_letter_is_forgotten_where_it_names_somebody_erased,
            how_far_erased_devices_are_merged_is_forgotten,
            what_waits_is_left_to_the_merge,
            heartbeats_come_as_they_were_sent_and_count_as_pings,
            erasing_again_or_nobody_changes_nothing,
            what_is_pushed_is_received_and_in_flight,
            what_is_settled_is_counted_for_what_became_of_it,
            what_is_settled_again_or_by_others_is_counted_once,
            what_others_settled_of_a_batch_is_neither_counted_nor_buried_by_it,
            a_dead_letter_that_is_replayed_is_in_flight_again,
            a_dead_letter_of_somebody_erased_is_dropped,
            the_books_balance_whatever_is_done,
            what_somebody_pushed_is_pending_until_it_is_settled,
            what_comes_later_is_not_waited_for,
            nothing_of_others_is_pending,
            a_long_list_is_pending_too,
            of_a_long_queue_only_the_newest_are_looked_through
        );
    };
    ($queue:expr; $($promise:ident),+) => {
        $(
            #[tokio::test]
            async fn $promise() {
                let queue = $queue;
                $crate::contract::queue::$promise(&queue).await;
                $crate::contract::queue::nothing_is_left(&queue).await;
            }
        )+
    };
}

/// Asserts that the queue is empty and that its books say so; dead letters may be there.
///
/// # Panics
/// When it is not.
pub async fn nothing_is_left(queue: &dyn QueueUnderTest) {
    let Backlog { entries, in_flight, .. } = queue.worker("auditor", NEVER).backlog().await.expect("a backlog");
    assert_eq!((entries, in_flight), (0, 0), "entries, of them in flight");
    let books = queue.books().await;
    assert!(books.balance() && books.in_flight == 0, "{books:?}");
}

/// The next batch of any shard, which must come.
async fn taken(worker: &dyn PingSource) -> Batch {
    let batch = async {
        loop {
            if let Some(batch) = taken_now(worker).await {
                return batch;
            }
            worker.ready().await.expect("the queue is there");
        }
    };
    timeout(SOON, batch).await.expect("a batch comes in time")
}

/// The next batch of any shard, if there is one.
async fn taken_now(worker: &dyn PingSource) -> Option<Batch> {
    for shard in 0..worker.shards() {
        for part in [Part::Live, Part::Bulk] {
            if let Some(batch) = taken_of(worker, shard, part).await {
                return Some(batch);
            }
        }
    }
    None
}

async fn taken_of(worker: &dyn PingSource, shard: u16, part: Part) -> Option<Batch> {
    let taken = worker.take(shard, part, Batch::ARRIVALS_MAX).await;
    taken.expect("the queue is there")
}

/// The next batch of any shard, if there is one that is of this part.
async fn taken_part(worker: &dyn PingSource, part: Part) -> Option<Batch> {
    for shard in 0..worker.shards() {
        if let Some(batch) = taken_of(worker, shard, part).await {
            return Some(batch);
        }
    }
    None
}

/// Takes and settles until nothing comes; answers the arrivals of all batches.
async fn drained(worker: &dyn PingSource) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    while let Some(batch) = taken_now(worker).await {
        settled(worker, &batch, Outcome::default()).await;
        arrivals.extend(batch.arrivals);
    }
    arrivals
}

async fn settled(worker: &dyn PingSource, batch: &Batch, outcome: Outcome) {
    worker.settle(&batch.receipt, &outcome).await.expect("settled");
}

/// What a worker says of an arrival of a batch, counted from 0, that can never be merged.
fn dead(batch: &Batch, arrival: usize, reason: &str) -> Dead {
    Dead {
        entry: batch.entry_of(arrival),
        letter: letter(&batch.arrivals[arrival], reason),
    }
}

fn letter(arrival: &Arrival, reason: &str) -> DeadLetter {
    DeadLetter {
        content: DeadContent::Arrival(arrival.clone()),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_promise_is_tested() {
        let suites = [
            include_str!("queue/books.rs"),
            include_str!("queue/delivery.rs"),
            include_str!("queue/takeover.rs"),
            include_str!("queue/letters.rs"),
            include_str!("queue/erasure.rs"),
            include_str!("queue/lanes.rs"),
            include_str!("queue/pending.rs"),
        ];
        let lines = suites.iter().flat_map(|suite| suite.lines());
        let promises: Vec<&str> = lines
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
            .collect();
        let macro_lists = |promise: &&str| {
            include_str!("queue.rs")
                .lines()
                .any(|line| line.trim().trim_end_matches(',') == *promise)
        };
        let forgotten: Vec<&&str> = promises.iter().filter(|promise| !macro_lists(promise)).collect();
        assert_eq!((promises.len(), forgotten), (53, vec![]));
    }
}
