//! A bucket that holds as many events as it may: what goes for new ones, and what does not.

use std::time::Duration;

use domain::accounts::Caller;
use domain::time::Span;
use domain::trackers::activitywatch::{Presence, Told};
use domain::usage::{AppName, Rules};
use ports::reports::TimelineReader;
use ports::trackers::{EVENTS_MAX, Edit, WatchEvent, WatchEvents, Watcher};
use services::trackers::{SentEvent, WatchError};

use super::{AFK, ALL, WINDOWS, Watched, app, at, bucket, here, sent};
use crate::world::{NOW, caller};

/// When the first event of a full bucket begins: then there is one every ten seconds, for 23 days.
const LONG_AGO: i64 = -2_100_000;
const EVERY: i64 = 10;
/// When the last of them is over.
const OVER: i64 = LONG_AGO + EVENTS_MAX * EVERY;

/// As many events of windows as a bucket holds but for `free`, which have been looked at and wait for presence.
async fn filled(watched: &Watched, ada: &Caller, free: i64) {
    watched.buckets(ada).await;
    let told = Told::App(AppName::parse("Editor").expect("a name"));
    let event = |id: i64| WatchEvent {
        id,
        stretch: sent(LONG_AGO + (id - 1) * EVERY, EVERY, app("Editor")).stretch,
        told: told.clone(),
    };
    keep(watched, ada, WINDOWS, (1..=EVENTS_MAX - free).map(event).collect()).await;
}

/// Kept and settled.
async fn keep(watched: &Watched, of: &Caller, bucket: &str, put: Vec<WatchEvent>) {
    let edit = Edit {
        seen: 0,
        last_id: put.iter().map(|event| event.id).max().unwrap_or_default(),
        removed: Vec::new(),
        put,
        touched: Vec::new(),
        precedence: 1,
        now: NOW,
    };
    watched.watching.keep(watcher(of), bucket, &edit).await.expect("kept");
}

/// Somebody was there for so many of the first events.
async fn presence(watched: &Watched, ada: &Caller, events: i64) {
    let event = WatchEvent {
        id: 1,
        stretch: sent(LONG_AGO, events * EVERY, here()).stretch,
        told: Told::Presence(Presence::Here),
    };
    keep(watched, ada, AFK, vec![event]).await;
}

fn watcher(of: &Caller) -> Watcher {
    Watcher {
        user: of.user,
        device: of.device,
    }
}

async fn count(watched: &Watched, ada: &Caller) -> i64 {
    let count = watched.node.count(ada, WINDOWS, ALL).await.expect("counted");
    i64::try_from(count).expect("few")
}

async fn is_there(watched: &Watched, ada: &Caller, id: i64) -> bool {
    watched.node.event(ada, WINDOWS, id).await.is_ok()
}

fn list(count: i64) -> Vec<SentEvent> {
    let mail = |number: i64| sent(OVER + 60 + number, 1, app("Mail"));
    (0..count).map(mail).collect()
}

#[tokio::test]
async fn a_list_for_which_events_that_still_wait_would_go_is_refused_and_nothing_of_it_kept() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 1).await;
    let windows = bucket(WINDOWS, "currentwindow");
    for _ in 0..2 {
        let refused = watched.node.insert(&ada, WINDOWS, &list(2)).await;
        assert!(matches!(refused, Err(WatchError::TooManyEvents)));
        let refused = watched.node.import(&ada, &windows, &list(2)).await;
        assert!(matches!(refused, Err(WatchError::TooManyEvents)));
        assert_eq!(count(&watched, &ada).await, EVENTS_MAX - 1);
    }
    let kept = watched.node.insert(&ada, WINDOWS, &list(1)).await.expect("kept");
    assert_eq!(kept, [Some(EVENTS_MAX)]);
    // What is there already, and what takes the place of another, needs no room.
    watched.node.import(&ada, &windows, &list(1)).await.expect("known");
    let again = SentEvent {
        id: Some(EVENTS_MAX),
        ..sent(OVER + 60, 2, app("Chat"))
    };
    watched.node.insert(&ada, WINDOWS, &[again]).await.expect("replaced");
    assert_eq!(count(&watched, &ada).await, EVENTS_MAX);
    // Whatever never gets presence is too old some day.
    let days = Duration::from_hours(24);
    assert_eq!(Rules::default().age_max, 90 * days);
    watched.world.clock.advance(70 * days);
    let refused = watched.node.insert(&ada, WINDOWS, &list(2)).await;
    refused.expect("kept: the oldest may go although nobody forgot them yet");
    watched.upkeep().forget_old().await.expect("done");
    assert!(count(&watched, &ada).await < EVENTS_MAX);
}

#[tokio::test]
async fn a_heartbeat_is_kept_whatever_goes_for_it_and_that_is_the_oldest() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 0).await;
    for number in 1..=3 {
        let beat = (OVER + 60 * number, WINDOWS, 2, app("Mail"));
        assert_eq!(watched.beat(&ada, &beat).await.0, Some(EVENTS_MAX + number));
        // What prolongs an event needs no room.
        let beat = (OVER + 60 * number + 1, WINDOWS, 2, app("Mail"));
        assert_eq!(watched.beat(&ada, &beat).await.0, Some(EVENTS_MAX + number));
        assert_eq!(count(&watched, &ada).await, EVENTS_MAX);
        assert!(!is_there(&watched, &ada, number).await && is_there(&watched, &ada, number + 1).await);
    }
}

#[tokio::test]
async fn what_is_claimed_and_settled_goes_for_a_list_and_the_rest_stays_and_counts() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 0).await;
    presence(&watched, &ada, 700).await;
    // All but the last: that presence goes on is not known.
    let refused = watched.node.insert(&ada, WINDOWS, &list(701)).await;
    assert!(matches!(refused, Err(WatchError::TooManyEvents)));
    assert_eq!(count(&watched, &ada).await, EVENTS_MAX);
    watched.node.insert(&ada, WINDOWS, &list(600)).await.expect("kept");
    assert_eq!(count(&watched, &ada).await, EVENTS_MAX - 100);
    assert!(!is_there(&watched, &ada, 1).await && !is_there(&watched, &ada, 700).await);
    assert!(is_there(&watched, &ada, 701).await);
    // Presence that comes late makes what stayed count.
    let late = [sent(LONG_AGO + 700 * EVERY, 2 * EVERY, here())];
    watched.node.insert(&ada, AFK, &late).await.expect("kept");
    watched.timeline(ada.user).await;
    let around = Span::new(at(LONG_AGO), at(OVER)).expect("not empty");
    let pieces = watched.world.timelines.pieces(ada.user, around).await.expect("read");
    let stretches: Vec<Span> = pieces.iter().map(|piece| piece.span).collect();
    let first = at(LONG_AGO + 700 * EVERY);
    assert_eq!(
        stretches,
        [Span::new(first, first.plus_ms(2 * EVERY * 1_000)).expect("not empty")]
    );
}

#[tokio::test]
async fn for_heartbeats_the_settled_go_before_those_that_wait_longer() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 0).await;
    let event = WatchEvent {
        id: 1,
        stretch: sent(LONG_AGO + 1_500 * EVERY, 20 * EVERY, here()).stretch,
        told: Told::Presence(Presence::Away),
    };
    keep(&watched, &ada, AFK, vec![event]).await;
    watched.beat(&ada, &(OVER + 60, WINDOWS, 2, app("Mail"))).await;
    for (id, stays) in [(1, true), (1_500, true), (1_501, false), (1_520, false), (1_521, true)] {
        assert_eq!(is_there(&watched, &ada, id).await, stays, "{id}");
    }
}

#[tokio::test]
async fn what_is_not_claimed_yet_stays() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 0).await;
    watched.world.queue.fail(true);
    let here = [sent(LONG_AGO, 700 * EVERY, here())];
    watched.node.insert(&ada, AFK, &here).await.expect("kept");
    let refused = watched.node.insert(&ada, WINDOWS, &list(1)).await;
    assert!(matches!(refused, Err(WatchError::TooManyEvents)));
    watched.world.queue.fail(false);
    watched.world.clock.advance(Duration::from_secs(61));
    watched.upkeep().claim_left_behind().await.expect("done");
    watched.node.insert(&ada, WINDOWS, &list(1)).await.expect("kept");
    let first = at(LONG_AGO);
    assert!(first < NOW && !is_there(&watched, &ada, 1).await);
}

#[tokio::test]
async fn what_ends_an_event_that_stays_or_keeps_a_gap_open_stays_too() {
    let watched = Watched::new();
    let ada = caller(1);
    filled(&watched, &ada, 4).await;
    // Before all others: one that lasts, one within it, one soon after it, and one with which the gap would be closed.
    let early = |id: i64, start: i64, length: i64| SentEvent {
        id: Some(id),
        ..sent(LONG_AGO - 100 + start, length, app("Mail"))
    };
    let early = [early(0, 0, 40), early(0, 20, 10), early(0, 41, 1), early(0, 43, 30)];
    let ids = watched.node.insert(&ada, WINDOWS, &early).await.expect("kept");
    let here = [(18, 14), (41, 1)].map(|(start, length)| sent(LONG_AGO - 100 + start, length, here()));
    watched.node.insert(&ada, AFK, &here).await.expect("kept");
    let refused = watched.node.insert(&ada, WINDOWS, &list(1)).await;
    assert!(matches!(refused, Err(WatchError::TooManyEvents)));
    // Once it is known of the first, too, nothing keeps them.
    let rest = [sent(LONG_AGO - 105, 80, super::here())];
    watched.node.insert(&ada, AFK, &rest).await.expect("kept");
    watched.node.insert(&ada, WINDOWS, &list(1)).await.expect("kept");
    for id in ids.into_iter().flatten() {
        assert!(!is_there(&watched, &ada, id).await, "{id}");
    }
}
