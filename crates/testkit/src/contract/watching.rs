//! What a store of watchers' buckets must do, seen through its ports.

mod buckets;
mod events;
mod marks;
mod upkeep;

use domain::accounts::{DeviceId, UserId};
use domain::time::UnixMs;
use domain::trackers::activitywatch::{Stretch, Told};
use domain::usage::AppName;
use ports::trackers::{
    BucketOutcome, Edit, EditOutcome, EventWindow, WatchBucket, WatchBuckets, WatchEvent, WatchEvents, Watcher,
};
use uuid::Uuid;

pub use buckets::*;
pub use events::*;
pub use marks::*;
pub use upkeep::*;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it, in which
/// [`USERS`](crate::contract::watching::USERS) are people.
#[macro_export]
macro_rules! watching_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            watching,
            $home,
            [
                a_bucket_is_made_once_changed_and_forgotten,
                a_bucket_goes_with_all_its_events,
                a_device_has_so_many_buckets_and_no_more,
                for_one_more_an_empty_one_gives_way_that_is_silent_for_longest,
                devices_and_people_do_not_meet,
                an_event_is_found_by_what_is_asked_for,
                events_are_found_by_their_starts,
                a_change_of_what_was_not_seen_changes_nothing,
                an_event_takes_the_place_of_that_with_its_number,
                the_lowest_number_that_is_there_is_seen,
                a_window_gives_the_newest_that_overlap_it,
                what_is_touched_is_marked_until_it_is_settled,
                all_rows_around_a_stretch_are_given_and_empty_buckets_are_named,
                of_each_bucket_so_many_rows_are_given_the_last,
                what_started_shortly_before_is_looked_through_so_far,
                what_lasts_for_long_is_found_however_much_started_since,
                who_was_left_behind_is_found,
                what_is_old_is_forgotten,
                a_person_is_given_everything_of_theirs,
            ]
        );
    };
}

/// The people of these facts.
pub const USERS: [u128; 2] = [1, 2];
/// 2026-03-01T09:00:00Z.
const NOW: UnixMs = UnixMs(1_772_355_600_000);
const ALL: EventWindow = EventWindow {
    from_us: i64::MIN,
    to_us: i64::MAX,
    limit: usize::MAX,
};

fn watcher(user: u128, device: u128) -> Watcher {
    Watcher {
        user: UserId(Uuid::from_u128(user)),
        device: DeviceId(Uuid::from_u128(device)),
    }
}

fn ada() -> Watcher {
    watcher(1, 10)
}

fn bucket(id: &str, kind: &str) -> WatchBucket {
    WatchBucket {
        id: id.to_owned(),
        kind: kind.to_owned(),
        client: "a client".to_owned(),
        hostname: "b\u{fc}cher".to_owned(),
        created_us: NOW.0 * 1_000 + 7,
        stretch: None,
    }
}

/// In microseconds from [`NOW`].
fn event(id: i64, (start, end): (i64, i64), told: Told) -> WatchEvent {
    let us = |at: i64| NOW.0 * 1_000 + at;
    let stretch = Stretch {
        start_us: us(start),
        end_us: us(end),
    };
    WatchEvent { id, stretch, told }
}

fn app(name: &str) -> Told {
    Told::App(AppName::parse(name).expect("a name"))
}

fn edit(seen: i64, put: &[WatchEvent]) -> Edit {
    Edit {
        seen,
        last_id: put.iter().map(|event| event.id).max().unwrap_or_default(),
        removed: Vec::new(),
        put: put.to_vec(),
        touched: Vec::new(),
        precedence: 3,
        now: NOW,
    }
}

async fn made<W: WatchBuckets>(watching: &W, of: Watcher, bucket: &WatchBucket) {
    let outcome = watching.create(of, bucket, (NOW, NOW)).await.expect("made");
    assert_eq!(outcome, BucketOutcome::Made);
}

async fn kept<W: WatchEvents>(watching: &W, of: Watcher, id: &str, edit: &Edit) {
    let outcome = watching.keep(of, id, edit).await.expect("kept");
    assert_eq!(outcome, EditOutcome::Kept);
}

/// Somebody's bucket of windows with these events.
async fn filled<W: WatchBuckets + WatchEvents>(watching: &W, of: Watcher, events: &[WatchEvent]) {
    made(watching, of, &bucket("w", "currentwindow")).await;
    kept(watching, of, "w", &edit(0, events)).await;
}

async fn ids<W: WatchEvents>(watching: &W, of: Watcher, window: EventWindow) -> Vec<i64> {
    let events = watching.events(of, "w", window).await.expect("read");
    events.iter().map(|event| event.id).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let parts = [
            include_str!("watching/buckets.rs"),
            include_str!("watching/events.rs"),
            include_str!("watching/marks.rs"),
            include_str!("watching/upkeep.rs"),
        ];
        crate::contract::assert_listed(include_str!("watching.rs"), &parts);
    }
}
