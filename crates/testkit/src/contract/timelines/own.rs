//! What is stored of a person, as it is read before something of theirs is merged; and time that lies years back.

use std::sync::Arc;

use domain::accounts::{DeviceId, UserId};
use domain::time::{DAY_MS, Span, UnixMs};
use domain::usage::{Arrival, Beat, Context, Heartbeat, Holder, Kind, Patience, Segment, beats_near};
use ports::reports::TimelineReader;
use ports::usage::{OwnTimeline, TimelineStore};
use uuid::Uuid;

use super::{NOON, holder, of, segment, span};

const MIN: i64 = 60_000;

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn beat(at: i64, holder: &Holder) -> Beat {
    Beat {
        device: holder.rank.device,
        at: UnixMs(NOON + at),
        attention: holder.rank.attention,
        precedence: holder.rank.precedence,
        label: holder.label.clone(),
        patience: Patience::default(),
    }
}

fn sent(of: u128, beat: Beat) -> Arrival {
    let heartbeat = Heartbeat {
        user: user(of),
        beat,
        context: Arc::new(Context::of_kind(Kind::File)),
    };
    Arrival::Heartbeat { heartbeat }
}

/// The open piece as well as closed ones, whole, and none that only touches the window.
pub async fn what_a_merge_would_find_is_read_by_its_person_alone<S: TimelineStore + OwnTimeline>(store: &S) {
    let (a, b) = (holder(1, "a"), holder(2, "b"));
    let all = [
        segment(0..MIN, &a),
        segment(MIN..2 * MIN, &b),
        segment(5 * MIN..6 * MIN, &a),
    ];
    let mut arrivals: Vec<_> = all.iter().cloned().map(|segment| of(1, segment)).collect();
    arrivals.push(of(2, segment(0..MIN, &b)));
    store.merge(&arrivals).await.expect("merge");
    for (window, expected) in [
        (0..6 * MIN, &all[..]),
        (MIN - 1..5 * MIN, &all[..2]),
        (MIN..MIN + 1, &all[1..2]),
        (2 * MIN..5 * MIN, &[]),
        (6 * MIN - 1..9 * MIN, &all[2..]),
    ] {
        let stored = store.stored(user(1), span(window.clone())).await.expect("read");
        assert_eq!(stored, expected, "{window:?}");
    }
    assert_eq!(store.stored(user(3), span(0..6 * MIN)).await.expect("read"), []);
}

/// To the millisecond, of the devices that are named, and of nobody else.
pub async fn points_are_read_where_they_are_asked_for<S: TimelineStore + OwnTimeline>(store: &S) {
    let (a, b) = (holder(1, "a"), holder(2, "b"));
    let points = [beat(-2 * MIN, &a), beat(0, &a), beat(MIN, &a), beat(0, &b)];
    let mut arrivals: Vec<_> = points.iter().cloned().map(|beat| sent(1, beat)).collect();
    arrivals.push(sent(2, beat(0, &a)));
    store.merge(&arrivals).await.expect("merge");
    let device = |holder: &Holder| holder.rank.device;
    let read = async |near: &[(DeviceId, Span)]| {
        let mut beats = store.beats(user(1), near).await.expect("read");
        beats.sort_unstable_by_key(|beat| (beat.device, beat.at));
        beats
    };
    assert_eq!(read(&[]).await, []);
    assert_eq!(read(&[(device(&a), span(-2 * MIN..MIN))]).await, points[..2]);
    let both = [
        (device(&a), span(-2 * MIN..1 - 2 * MIN)),
        (device(&a), span(MIN..2 * MIN)),
        (device(&b), span(0..1)),
    ];
    assert_eq!(read(&both).await, [&points[..1], &points[2..]].concat());
    assert_eq!(read(&beats_near(&points[1..2])).await, points[..3]);
    assert_eq!(read(&[(device(&holder(3, "c")), span(-MIN..MIN))]).await, []);
}

/// In months that nobody made room for, across the ends of years, before and after everything else; pings and points.
pub async fn what_starts_years_ago_is_kept_as_what_starts_today<S: TimelineStore + TimelineReader>(store: &S) {
    let (a, b) = (holder(1, "a"), holder(2, "b"));
    let year = 365 * DAY_MS;
    let today = segment(0..MIN, &a);
    store.merge(&[of(1, today.clone())]).await.expect("merge");
    let old: Vec<Segment> = (1..=10)
        .map(|years| segment(-years * year..MIN - years * year, &b))
        .collect();
    let arrivals: Vec<_> = old.iter().cloned().map(|segment| of(1, segment)).collect();
    store.merge(&arrivals).await.expect("merge");
    let points = [
        sent(1, beat(-9 * year + 2 * MIN, &b)),
        sent(1, beat(-9 * year + 5 * MIN, &b)),
    ];
    store.merge(&points).await.expect("merge");
    assert_eq!(store.merge(&points).await.expect("merge").rows, 0);
    assert_eq!(store.merge(&arrivals).await.expect("merge").rows, 0);
    let mut held = segment(-9 * year + 2 * MIN..-9 * year + 5 * MIN, &b);
    held.holder.rank.beat = Some(UnixMs(NOON - 9 * year + 2 * MIN));
    let mut expected = [&old[..], &[held, today]].concat();
    expected.sort_by_key(|segment| segment.span.start());
    assert_eq!(super::within(store, 1, -11 * year..year).await, expected);
}
