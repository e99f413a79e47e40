//! Pings in through the door.

use std::sync::Arc;

use domain::usage::{Arrival, Rules, Seq};
use ports::usage::{Batch, Part, PingSource};
use services::usage::{MergePings, TrackPings};

use crate::world::{World, caller, numbered, ping};

fn track(world: &World) -> TrackPings {
    TrackPings::new(Arc::new(world.queue.clone()), world.clock.clone(), Rules::default())
}

#[tokio::test]
async fn a_ping_becomes_a_claim_of_its_caller_and_nobody_else() {
    let world = World::new();
    let caller = caller(1);
    track(&world)
        .track(&caller, vec![ping("Editor", -10, -5)], vec![])
        .await
        .expect("kept");
    let batch = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    let [Arrival::Claim { claim, seq: None }] = batch.arrivals.as_slice() else {
        panic!("{batch:?}")
    };
    let rank = claim.segment.holder.rank;
    assert_eq!(
        (claim.user, rank.device, rank.precedence),
        (caller.user, caller.device, caller.precedence)
    );
}

#[tokio::test]
async fn the_numbers_of_refused_pings_are_settled_with_the_others() {
    let world = World::new();
    let pings = vec![numbered(ping("Editor", -10, -5), 1), numbered(ping("Editor", -5, 0), 3)];
    let refused = vec![Some(Seq::new(2).expect("in range")), None];
    track(&world).track(&caller(1), pings, refused).await.expect("kept");
    let batch = world
        .source
        .take(0, Part::Live, Batch::ARRIVALS_MAX)
        .await
        .expect("there")
        .expect("a batch");
    MergePings::new(world.timelines.clone(), world.source.clone())
        .merge(&batch)
        .await
        .expect("merged");

    let again = track(&world)
        .track(&caller(1), vec![numbered(ping("Editor", 0, 1), 4)], vec![])
        .await
        .expect("kept");
    assert_eq!(again.merged_through, Some(3));
}

#[tokio::test]
async fn nothing_to_keep_touches_nothing() {
    let world = World::new();
    world.queue.fail(true);
    let tracked = track(&world)
        .track(&caller(1), vec![], vec![])
        .await
        .expect("nothing was asked of the queue");
    assert_eq!(tracked.merged_through, None);
}

#[tokio::test]
async fn a_queue_that_is_away_is_no_202() {
    let world = World::new();
    world.queue.fail(true);
    let refused = track(&world)
        .track(&caller(1), vec![ping("Editor", -10, -5)], vec![])
        .await
        .expect_err("away");
    assert!(refused.is_unavailable());
}
