//! More than watchers send: what is bounded, and what becomes of the rest.

use std::time::Duration;

use domain::trackers::activitywatch::{Stretch, Tells};
use services::trackers::SentEvent;

use super::{AFK, AGO, WINDOWS, Watched, app, at, bucket, here, sent};
use crate::world::caller;

#[tokio::test]
async fn weeks_that_are_imported_are_claimed_before_the_answer() {
    let watched = Watched::new();
    let ada = caller(1);
    // Fifteen working days of eight hours, with a short break after each piece of work.
    let pieces = (1..=15).flat_map(|day: i64| (0..16).map(move |half| half * 1_800 - day * 86_400));
    let mut starts: Vec<i64> = pieces.collect();
    starts.sort_unstable();
    let told = |tells: fn() -> Tells| starts.iter().map(|start| sent(*start, 1_500, tells())).collect();
    let windows: Vec<SentEvent> = told(|| app("Editor"));
    let presence: Vec<SentEvent> = told(here);
    let afk = bucket(AFK, "afkstatus");
    watched.node.import(&ada, &afk, &presence).await.expect("imported");
    let focus = bucket(WINDOWS, "currentwindow");
    watched.node.import(&ada, &focus, &windows).await.expect("imported");
    assert_eq!(watched.watching.marked(), 0);
    let expected: Vec<_> = starts
        .iter()
        .map(|start| (*start, start + 1_500, "Editor".to_owned()))
        .collect();
    assert_eq!(watched.timeline(ada.user).await, expected);
}

#[tokio::test]
async fn more_than_is_read_at_once_is_claimed_in_shorter_steps() {
    let watched = Watched::new();
    let ada = caller(1);
    let name = |number: i64| if number % 2 == 0 { "Editor" } else { "Mail" };
    let events: Vec<SentEvent> = (0..2_400)
        .map(|number| sent(number * 3, 3, app(name(number))))
        .collect();
    let windows = bucket(WINDOWS, "currentwindow");
    watched.node.import(&ada, &windows, &events).await.expect("imported");
    let presence = bucket(AFK, "afkstatus");
    let here = [sent(0, AGO, here())];
    watched.node.import(&ada, &presence, &here).await.expect("imported");
    watched.world.clock.advance(Duration::from_secs(61));
    watched.upkeep().claim_left_behind().await.expect("done");
    assert_eq!(watched.watching.marked(), 0);
    let piece = |number: i64| (number * 3, number * 3 + 3, name(number).to_owned());
    let expected: Vec<_> = (0..2_400).map(piece).collect();
    assert_eq!(watched.timeline(ada.user).await, expected);
}

#[tokio::test]
async fn of_a_minute_that_holds_more_than_is_read_the_last_is_claimed_and_nothing_waits() {
    let watched = Watched::new();
    let ada = caller(1);
    // A hundred a second, of which a thousand are looked at.
    let hundredth = |number: i64| {
        let start_us = at(0).0 * 1_000 + number * 10_000;
        let stretch = Stretch {
            start_us,
            end_us: start_us + 10_000,
        };
        SentEvent {
            stretch,
            ..sent(0, 0, app("Editor"))
        }
    };
    let events: Vec<SentEvent> = (0..3_000).map(hundredth).collect();
    let windows = bucket(WINDOWS, "currentwindow");
    watched.node.import(&ada, &windows, &events).await.expect("imported");
    let presence = bucket(AFK, "afkstatus");
    let here = [sent(0, 90, here())];
    watched.node.import(&ada, &presence, &here).await.expect("imported");
    assert_eq!(watched.watching.marked(), 0);
    assert_eq!(watched.timeline(ada.user).await, [(20, 30, "Editor".to_owned())]);
}
