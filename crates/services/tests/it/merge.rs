//! Batches out of the queue, into the timelines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::time::Span;
use domain::usage::Arrival;
use ports::PortError;
use ports::reports::TimelineReader;
use ports::usage::{Batch, DeadContent, DeadLetters, Merged, Part, PingSource, TimelineStore};
use services::usage::{MergePings, MergeSummary};
use testkit::memory::timelines::MemoryTimelines;

use crate::world::{World, caller, ping, span};

async fn batch(world: &World) -> Batch {
    world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch")
}

/// Refuses for good whatever holds a ping of the application "Poison", as a database with a broken invariant would: the whole batch. Or panics over it.
struct Poisoned {
    inner: Arc<MemoryTimelines>,
    merges: AtomicUsize,
    panics: bool,
}

#[async_trait]
impl TimelineStore for Poisoned {
    async fn merge(&self, arrivals: &[Arrival]) -> Result<Merged, PortError> {
        self.merges.fetch_add(1, Ordering::Relaxed);
        let poison = |arrival: &Arrival| matches!(arrival, Arrival::Claim { claim, .. } if claim.segment.holder.label.app_name.as_str() == "Poison");
        if arrivals.iter().any(poison) {
            assert!(!self.panics, "an invariant of {}", "some code");
            return Err(PortError::bug("merge", "a constraint"));
        }
        self.inner.merge(arrivals).await
    }

    async fn prepare(&self, span: Span) -> Result<(), PortError> {
        self.inner.prepare(span).await
    }
}

#[tokio::test]
async fn a_batch_is_merged_and_then_settled() {
    let world = World::new();
    world
        .push(vec![
            ping("Editor", -10, -5).sent_by(&caller(1)),
            ping("Editor", -5, 0).sent_by(&caller(1)),
        ])
        .await;
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    let summary = merge.merge(&batch(&world).await).await.expect("merged");
    assert_eq!((summary.merged, summary.dead), (2, 0));
    world.assert_settled().await;
    let pieces = world
        .timelines
        .pieces(caller(1).user, span(-60, 60))
        .await
        .expect("there");
    assert_eq!(
        pieces.iter().map(|piece| piece.span).collect::<Vec<_>>(),
        [span(-10, 0)]
    );
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_settled_and_trying_again_goes_on() {
    let world = World::new();
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(1))]).await;
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    let batch = batch(&world).await;
    world.timelines.fail(true);
    assert!(merge.merge(&batch).await.expect_err("away").is_unavailable());
    assert_eq!(world.source.backlog().await.expect("there").in_flight, 1);
    world.timelines.fail(false);
    merge.merge(&batch).await.expect("merged");
    world.assert_settled().await;
}

#[tokio::test]
async fn what_was_merged_but_not_settled_is_merged_again_to_the_same_timeline() {
    let world = World::new();
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(1))]).await;
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    let first = batch(&world).await;
    world.queue.fail(true);
    assert!(
        merge.merge(&first).await.is_err(),
        "merged, and then the queue was gone"
    );
    world.queue.fail(false);
    let summary = merge.merge(&first).await.expect("merged again");
    assert_eq!(summary.rows, 0, "nothing was left to write");
    world.assert_settled().await;
}

/// Asserts that one bad ping goes to the dead letters alone with this reason, and its neighbours are merged.
async fn the_bad_one_dies_alone(panics: bool, reason: &str) {
    let world = World::new();
    let apps = (0..37).map(|number| if number == 23 { "Poison" } else { "Editor" });
    let pings = apps
        .zip(-100..)
        .map(|(app, at)| ping(app, at, at + 1).sent_by(&caller(1)));
    world.push(pings.collect()).await;
    let store = Arc::new(Poisoned {
        inner: world.timelines.clone(),
        merges: AtomicUsize::new(0),
        panics,
    });
    let merge = MergePings::new(store.clone(), world.source.clone());
    let summary = merge.merge(&batch(&world).await).await.expect("settled");

    assert_eq!((summary.merged, summary.dead), (36, 1));
    assert!(store.merges.load(Ordering::Relaxed) <= 2 * 37);
    world.assert_settled().await;
    let letters = world.queue.list(None, 10).await.expect("there");
    let [letter] = letters.as_slice() else {
        panic!("{letters:?}")
    };
    assert!(matches!(letter.letter.content, DeadContent::Arrival(_)), "{letter:?}");
    assert_eq!(letter.letter.reason, reason);
}

#[tokio::test]
async fn one_bad_ping_goes_to_the_dead_letters_alone_and_its_neighbours_are_merged() {
    the_bad_one_dies_alone(false, "could not merge: a constraint").await;
}

#[tokio::test]
async fn one_ping_over_which_the_storage_panics_does_so_too() {
    let reason = "could not merge 1 pings: it panicked: an invariant of some code";
    the_bad_one_dies_alone(true, reason).await;
}

#[tokio::test]
async fn what_cannot_be_read_goes_to_the_dead_letters() {
    let world = World::new();
    world.queue.push_unreadable(0, vec![1, 2, 3]);
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    let summary = merge.merge(&batch(&world).await).await.expect("settled");
    assert_eq!(
        summary,
        MergeSummary {
            merged: 0,
            dead: 1,
            dropped: 0,
            rows: 0
        }
    );
    world.assert_settled().await;
}
