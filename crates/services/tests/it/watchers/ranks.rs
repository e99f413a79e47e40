//! The rank of what watchers told: that which their device had then, however late it is claimed.

use std::time::Duration;

use domain::accounts::Caller;
use domain::trackers::activitywatch::GAP_MAX_MS;

use super::{AFK, WINDOWS, Watched, app, bucket, here, sent};
use crate::world::caller;

/// A person's other device, above the first and below what that becomes.
const OTHER: i32 = 5;

/// A device of one person, of that rank at the moment.
fn device(number: u128, precedence: i32) -> Caller {
    Caller {
        device: caller(number).device,
        precedence,
        ..caller(1)
    }
}

/// Somebody used an application all the time, says a device.
async fn tells(watched: &Watched, by: &Caller, name: &str, (start, length): (i64, i64)) {
    let told = [sent(start, length, app(name))];
    watched.node.insert(by, WINDOWS, &told).await.expect("kept");
    let told = [sent(start, length, here())];
    watched.node.insert(by, AFK, &told).await.expect("kept");
}

#[tokio::test]
async fn what_was_told_with_two_ranks_is_claimed_with_each_however_late() {
    let other = device(2, OTHER);
    for (before, after) in [(1, 9), (9, 1)] {
        let mut timelines = Vec::new();
        for is_late in [false, true] {
            let watched = Watched::new();
            let first = device(1, before);
            for by in [&first, &other] {
                watched.buckets(by).await;
            }
            tells(&watched, &other, "Other", (0, 120)).await;
            watched.world.queue.fail(is_late);
            tells(&watched, &first, "Editor", (20, 40)).await;
            tells(&watched, &device(1, after), "Editor", (60, 40)).await;
            watched.world.queue.fail(false);
            watched.world.clock.advance(Duration::from_secs(61));
            watched.upkeep().claim_left_behind().await.expect("done");
            assert_eq!(watched.watching.marked(), 0);
            timelines.push(watched.timeline(first.user).await);
        }
        let editor = if before > after { (20, 60) } else { (60, 100) };
        for timeline in timelines {
            let [(0, _, _), (start, end, name), (_, 120, _)] = &timeline[..] else {
                panic!("{timeline:?}");
            };
            assert_eq!(name, "Editor");
            // What is known of a gap on either side is told again with an event, and has its rank.
            let is_near = |at: i64, expected: i64| (at - expected).abs() <= GAP_MAX_MS / 1_000;
            assert!(is_near(*start, editor.0) && is_near(*end, editor.1), "{timeline:?}");
        }
    }
}

#[tokio::test]
async fn what_lies_between_many_events_keeps_the_rank_that_it_had() {
    let watched = Watched::new();
    let (low, high, other) = (device(1, 1), device(1, 9), device(2, OTHER));
    for by in [&low, &other] {
        watched.buckets(by).await;
    }
    tells(&watched, &other, "Other", (0, 6_000)).await;
    tells(&watched, &low, "Editor", (0, 6_000)).await;
    assert_eq!(watched.timeline(low.user).await, [(0, 6_000, "Other".to_owned())]);
    // Each tells something new of eleven seconds.
    let events: Vec<_> = (0..280).map(|number| sent(10 + number * 20, 1, app("Mail"))).collect();
    let windows = bucket(WINDOWS, "currentwindow");
    watched.node.import(&high, &windows, &events).await.expect("imported");
    assert_eq!(watched.watching.marked(), 0);
    let timeline = watched.timeline(low.user).await;
    let others: Vec<i64> = timeline
        .iter()
        .filter(|(.., name)| name == "Other")
        .map(|(start, end, _)| end - start)
        .collect();
    let between = [9; 279];
    assert_eq!(others[1..280], between);
}
