//! Where pieces are cut, and which of them a window gives.

use domain::accounts::UserId;
use domain::reports::Stint;
use domain::time::{DAY_MS, Span, UnixMs};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use uuid::Uuid;

use super::{holder, of, pieces, ping, segment, within};

/// Pieces are cut at every UTC midnight, also where a month and a year end, whether the claim came whole or in parts.
pub async fn what_crosses_midnights_is_stored_in_a_piece_for_each_utc_day<S: TimelineStore + TimelineReader>(
    store: &S,
) {
    let app = holder(1, "a");
    let new_year = 275 * DAY_MS;
    for midnight in [DAY_MS / 2, new_year + DAY_MS / 2] {
        store
            .merge(&[ping(1, midnight - 10..midnight + DAY_MS + 10, &app, None)])
            .await
            .expect("merge");
        store
            .merge(&[ping(2, midnight..midnight + DAY_MS + 10, &app, None)])
            .await
            .expect("merge");
        store
            .merge(&[ping(2, midnight - 10..midnight, &app, None)])
            .await
            .expect("merge");
        let expected = [
            segment(midnight - 10..midnight, &app),
            segment(midnight..midnight + DAY_MS, &app),
            segment(midnight + DAY_MS..midnight + DAY_MS + 10, &app),
        ];
        for user in [1, 2] {
            assert_eq!(
                within(store, user, midnight - 10..midnight + DAY_MS + 10).await,
                expected
            );
        }
    }
}

/// Pieces that hold an instant of the window, uncut; the one that started first in the day may be the only one.
pub async fn a_window_gives_whole_pieces_and_none_that_only_touch_it<S: TimelineStore + TimelineReader>(store: &S) {
    let (a, b) = (holder(1, "a"), holder(1, "b"));
    let long = segment(-DAY_MS / 2..DAY_MS / 2, &a);
    store.merge(&[of(1, long.clone())]).await.expect("merge");
    assert_eq!(within(store, 1, DAY_MS / 2 - 1..DAY_MS / 2).await, [long]);
    let segments = [segment(0..10, &a), segment(10..20, &b), segment(20..30, &a)];
    store
        .merge(&segments.clone().map(|segment| of(2, segment)))
        .await
        .expect("merge");
    assert_eq!(within(store, 2, 10..20).await, segments[1..2]);
    assert_eq!(within(store, 2, 9..11).await, segments[..2]);
    assert_eq!(within(store, 2, 29..90).await, segments[2..]);
    assert_eq!(within(store, 2, 30..90).await, []);
    assert_eq!(within(store, 2, -9..0).await, []);
}

/// A window may be wider than any storage's calendar.
pub async fn a_window_beyond_the_calendar_is_answered<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    store.merge(&[ping(1, 0..5, &app, None)]).await.expect("merge");
    let window = Span::new(UnixMs(i64::MIN), UnixMs(i64::MAX)).expect("not empty");
    let read = store.pieces(UserId(Uuid::from_u128(1)), window).await.expect("read");
    assert_eq!(read, [segment(0..5, &app)]);
    let stints = store.stints(UserId(Uuid::from_u128(1)), window).await.expect("read");
    assert_eq!(stints, [Stint::from(&read[0])]);
}

/// Making room changes nothing that is read, and merges go into it.
pub async fn room_can_be_made_twice_and_ahead<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    let span = segment(-40 * DAY_MS..40 * DAY_MS, &app).span;
    store.prepare(span).await.expect("prepare");
    store
        .merge(&[
            ping(1, -5..5, &app, None),
            ping(1, 30 * DAY_MS..30 * DAY_MS + 1, &app, None),
        ])
        .await
        .expect("merge");
    store.prepare(span).await.expect("prepare");
    assert_eq!(pieces(store, 1).await.len(), 2);
}
