//! Forgetting even that people were erased.

use std::sync::Arc;
use std::time::Duration;

use domain::accounts::DeviceId;
use domain::time::UnixMs;
use ports::usage::{
    Batch, Dead, DeadContent, DeadLetter, DeadLetters, Erasures, Outcome, Part, PingQueue, PingSource, TimelineErasure,
    TimelineStore,
};
use services::usage::{ForgetErasures, MergePings};

use crate::world::{NOW, World, caller, numbered, ping};

/// As long as a ping may come late.
const LATE_MAX: Duration = Duration::from_mins(15);
const ONE_MS: Duration = Duration::from_millis(1);
const EVER: UnixMs = UnixMs(i64::MAX);

impl World {
    fn forget(&self) -> ForgetErasures {
        ForgetErasures {
            erasures: self.timelines.clone(),
            source: self.source.clone(),
            pings: Arc::new(self.queue.clone()),
            clock: self.clock.clone(),
        }
    }

    async fn forgotten(&self) -> usize {
        self.forget().forget().await.expect("everything is there")
    }

    async fn erase(&self, user: u128) {
        use ports::Clock;
        let erased = self.timelines.erase(caller(user).user, self.clock.now()).await;
        erased.expect("the storage is there");
    }
}

#[tokio::test]
async fn an_erasure_is_forgotten_once_no_ping_can_come_late_any_more() {
    let world = World::new();
    world.erase(1).await;
    assert_eq!(world.forgotten().await, 0);
    world.clock.advance(LATE_MAX);
    assert_eq!(world.forgotten().await, 0, "to the millisecond");
    world.clock.advance(ONE_MS);
    assert_eq!(world.forgotten().await, 1);
    assert_eq!(world.forgotten().await, 0, "it is safe to do again");
    assert_eq!(world.timelines.before(EVER, 10).await.expect("there"), []);
}

#[tokio::test]
async fn as_long_as_something_waits_that_was_there_before_the_erasure_is_heeded() {
    let world = World::new();
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(1))]).await;
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(2))]).await;
    let taken = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    world.erase(1).await;
    world.clock.advance(Duration::from_hours(48));
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(3))]).await;
    assert_eq!(world.forgotten().await, 0, "a batch is in hand for days");
    let merge = MergePings::new(world.timelines.clone(), world.source.clone());
    let summary = merge.merge(&taken).await.expect("merged");
    assert_eq!((summary.merged, summary.dropped), (1, 1));
    assert_eq!(world.forgotten().await, 1, "what waits now came later");
    let rest = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    merge.merge(&rest).await.expect("merged");
    world.assert_settled().await;
}

#[tokio::test]
async fn a_queue_whose_clock_is_ahead_hastens_nothing() {
    let world = World::new();
    world.clock.advance(Duration::from_hours(1));
    world.push(vec![ping("Editor", -10, -5).sent_by(&caller(2))]).await;
    world.clock.set(NOW);
    world.erase(1).await;
    world.clock.advance(LATE_MAX);
    assert_eq!(world.forgotten().await, 0);
    world.clock.advance(ONE_MS);
    assert_eq!(world.forgotten().await, 1);
}

/// The batch was merged, or refused, before the person was erased, and settled after everything of theirs had been forgotten.
#[tokio::test]
async fn what_a_batch_that_was_in_hand_has_left_behind_is_forgotten_too() {
    let world = World::new();
    let theirs = numbered(ping("Editor", -10, -5), 1).sent_by(&caller(1));
    world.push(vec![theirs.clone()]).await;
    let taken = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    let merged = world.timelines.merge(&taken.arrivals).await.expect("merged");
    world.erase(1).await;
    let device: DeviceId = caller(1).device;
    assert_eq!(merged.merged_through, [(device, 1)]);
    let letter = DeadLetter {
        content: DeadContent::Arrival(theirs),
        reason: "a test".to_owned(),
    };
    let outcome = Outcome {
        merged_through: merged.merged_through,
        dead: vec![Dead { entry: 0, letter }],
        ..Outcome::default()
    };
    world.source.settle(&taken.receipt, &outcome).await.expect("settled");
    world.clock.advance(LATE_MAX + ONE_MS);
    assert_eq!(world.forgotten().await, 1);
    assert_eq!(world.queue.list(None, 10).await.expect("there"), []);
    let asks = numbered(ping("Editor", -5, 0), 2).sent_by(&caller(1));
    assert_eq!(world.queue.push(vec![asks]).await.expect("there"), None);
}

#[tokio::test]
async fn any_number_of_people_is_forgotten_page_by_page() {
    let world = World::new();
    // More than two pages.
    for user in 1..=1_001 {
        world.erase(user).await;
    }
    world.clock.advance(LATE_MAX + ONE_MS);
    world.erase(2_000).await;
    assert_eq!(world.forgotten().await, 1_001);
    let left = world.timelines.before(EVER, 10).await.expect("there");
    assert_eq!(
        left.iter().map(|erased| erased.user).collect::<Vec<_>>(),
        [caller(2_000).user]
    );
}

#[tokio::test]
async fn while_something_is_away_nothing_is_forgotten() {
    let world = World::new();
    world.erase(1).await;
    world.clock.advance(LATE_MAX + ONE_MS);
    world.queue.fail(true);
    assert!(world.forget().forget().await.expect_err("away").is_unavailable());
    world.queue.fail(false);
    world.timelines.fail(true);
    assert!(world.forget().forget().await.expect_err("away").is_unavailable());
    world.timelines.fail(false);
    assert_eq!(world.forgotten().await, 1);
}
