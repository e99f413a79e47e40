//! What becomes of heartbeats that are merged.

use std::sync::Arc;

use domain::accounts::UserId;
use domain::reports::Dimension;
use domain::time::UnixMs;
use domain::usage::{Arrival, Beat, Context, ContextText, Heartbeat, Holder, Kind, Mention, Patience, Segment};
use ports::reports::{ContextReader, TimelineReader};
use ports::usage::{Merged, TimelineErasure, TimelineStore};
use uuid::Uuid;

use super::{NOON, holder, orders, pieces, ping, segment, span};

/// A minute, the shortest patience.
const MIN: i64 = 60_000;

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn beat(at: i64, patience: i64, holder: &Holder) -> Beat {
    Beat {
        device: holder.rank.device,
        at: UnixMs(NOON + at),
        attention: holder.rank.attention,
        precedence: holder.rank.precedence,
        label: holder.label.clone(),
        patience: Patience::from_ms(patience).expect("in range"),
    }
}

fn heartbeat(of: u128, beat: Beat, context: Context) -> Heartbeat {
    Heartbeat {
        user: user(of),
        beat,
        context: Arc::new(context),
    }
}

/// A heartbeat of the first person, of which nothing else is known, that waits for ten minutes.
fn sent(at: i64, holder: &Holder) -> Arrival {
    let heartbeat = heartbeat(1, beat(at, 10 * MIN, holder), Context::of_kind(Kind::File));
    Arrival::Heartbeat { heartbeat }
}

/// What a heartbeat at `at` holds.
fn held(from: i64, until: i64, at: i64, holder: &Holder) -> Segment {
    let mut held = segment(from..until, holder);
    held.holder.rank.beat = Some(UnixMs(NOON + at));
    held
}

/// Also over one in between, whose label it gives way to; one that is alone claims nothing.
pub async fn a_heartbeat_claims_up_to_the_farthest_that_comes_within_its_patience<S: TimelineStore + TimelineReader>(
    store: &S,
) {
    let (a, b) = (holder(1, "a"), holder(1, "b"));
    store.merge(&[sent(0, &a)]).await.expect("merge");
    assert_eq!(pieces(store, 1).await, []);
    store.merge(&[sent(8 * MIN, &b)]).await.expect("merge");
    assert_eq!(pieces(store, 1).await, [held(0, 8 * MIN, 0, &a)]);
    store.merge(&[sent(3 * MIN, &b)]).await.expect("merge");
    let expected = [held(0, 3 * MIN, 0, &a), held(3 * MIN, 8 * MIN, 3 * MIN, &b)];
    assert_eq!(pieces(store, 1).await, expected);
    store.merge(&[sent(19 * MIN, &a)]).await.expect("merge");
    assert_eq!(pieces(store, 1).await, expected, "nobody waited so long");
}

/// One by one in each of all orders, across a midnight that ends a month, and all at once.
pub async fn no_order_of_heartbeats_changes_what_is_read<S: TimelineStore + TimelineReader>(store: &S) {
    let midnight = 12 * 60 * MIN;
    let of = |person: u128, minute: i64, app: &str| {
        let patience = if minute == 1 { MIN } else { 10 * MIN };
        let beat = beat(midnight + minute * MIN, patience, &holder(1, app));
        let heartbeat = heartbeat(person, beat, Context::of_kind(Kind::App));
        Arrival::Heartbeat { heartbeat }
    };
    let points = [(-9, "a"), (-4, "b"), (1, "a"), (5, "a"), (5, "b")];
    let all = |person| points.map(|(minute, app)| of(person, minute, app));
    store.merge(&all(1_000)).await.expect("merge");
    let expected = pieces(store, 1_000).await;
    assert_eq!(expected.len(), 3, "{expected:?}");
    for (person, order) in (1..).zip(orders(points.len())) {
        for index in order {
            store.merge(&[all(person)[index].clone()]).await.expect("merge");
        }
        assert_eq!(pieces(store, person).await, expected, "person {person}");
    }
}

/// What is there already changes nothing, alone, among others, and however often in one merge.
pub async fn merging_heartbeats_again_writes_nothing<S: TimelineStore + TimelineReader + ContextReader>(store: &S) {
    let a = holder(1, "a");
    let all = [
        sent(0, &a),
        sent(5 * MIN, &a),
        sent(5 * MIN, &holder(1, "b")),
        sent(9 * MIN, &a),
    ];
    let twice = [&all[..], &all[..]].concat();
    assert!(store.merge(&twice).await.expect("merge").rows > 0);
    let before = pieces(store, 1).await;
    for again in [&all[..], &all[1..2], &twice[3..]] {
        assert_eq!(store.merge(again).await.expect("merge").rows, 0);
    }
    assert_eq!(pieces(store, 1).await, before);
    let kept = store.heartbeats(user(1), span(-MIN..10 * MIN)).await.expect("read");
    assert_eq!(kept.len(), 4);
}

/// The longest patience, in either order of arrival.
pub async fn patience_is_kept_to_the_millisecond<S: TimelineStore + TimelineReader>(store: &S) {
    let a = holder(1, "a");
    let of = |person: u128, at: i64| {
        let heartbeat = heartbeat(person, beat(at, Patience::MS_MAX, &a), Context::of_kind(Kind::File));
        Arrival::Heartbeat { heartbeat }
    };
    for (person, later, is_reached) in [(1, Patience::MS_MAX, true), (3, Patience::MS_MAX + 1, false)] {
        for (person, order) in [(person, [0, later]), (person + 1, [later, 0])] {
            for at in order {
                store.merge(&[of(person, at)]).await.expect("merge");
            }
            let expected = if is_reached {
                vec![held(0, later, 0, &a)]
            } else {
                Vec::new()
            };
            assert_eq!(pieces(store, person).await, expected, "person {person}");
        }
    }
}

/// Rank against rank, in one merge and in two.
pub async fn heartbeats_are_joined_with_the_pings_of_other_devices<S: TimelineStore + TimelineReader>(store: &S) {
    let (a, low, high) = (holder(2, "a"), holder(1, "low"), holder(3, "high"));
    let pings = [
        ping(1, -MIN..9 * MIN, &low, Some(1)),
        ping(1, 2 * MIN..3 * MIN, &high, Some(1)),
    ];
    let points = [sent(0, &a), sent(4 * MIN, &a)];
    store.merge(&points[..1]).await.expect("merge");
    store.merge(&[&pings[..], &points[1..]].concat()).await.expect("merge");
    let expected = [
        segment(-MIN..0, &low),
        held(0, 2 * MIN, 0, &a),
        segment(2 * MIN..3 * MIN, &high),
        held(3 * MIN, 4 * MIN, 0, &a),
        segment(4 * MIN..9 * MIN, &low),
    ];
    assert_eq!(pieces(store, 1).await, expected);
}

/// A device's heartbeats wait for its own, of its own person.
pub async fn heartbeats_of_different_devices_and_people_do_not_meet<S: TimelineStore + TimelineReader>(store: &S) {
    let of = |person: u128, at: i64, device: u128| {
        let heartbeat = heartbeat(
            person,
            beat(at, 10 * MIN, &holder(device, "a")),
            Context::of_kind(Kind::File),
        );
        Arrival::Heartbeat { heartbeat }
    };
    let all = [of(1, 0, 1), of(1, MIN, 2), of(2, 2 * MIN, 1), of(2, 3 * MIN, 1)];
    store.merge(&all).await.expect("merge");
    assert_eq!(pieces(store, 1).await, []);
    assert_eq!(
        pieces(store, 2).await,
        [held(2 * MIN, 3 * MIN, 2 * MIN, &holder(1, "a"))]
    );
}

/// Every part of them, and those that differ in one part only; within a window, whose end is not in it.
pub async fn heartbeats_are_read_back_as_they_came<S: TimelineStore + ContextReader>(store: &S) {
    let text = |text: &str| Some(ContextText::trusted(text));
    let named = |name: &str| text(name).map(Mention::Named);
    let full = Context {
        kind: Kind::Url,
        category: text("browsing"),
        project: named("'; DROP TABLE heartbeats; --"),
        branch: named(&"ä".repeat(255)),
        language: named("日本語"),
        editor: text("vim"),
        machine: text("laptop"),
        operating_system: text("Linux"),
        is_write: Some(false),
    };
    let last = Context {
        project: Some(Mention::Last),
        branch: Some(Mention::Last),
        language: Some(Mention::Last),
        is_write: Some(true),
        ..Context::of_kind(Kind::Domain)
    };
    let a = holder(1, "a");
    let one = beat(0, MIN, &a);
    let mut others: Vec<_> = [full, last, Context::of_kind(Kind::File), Context::of_kind(Kind::App)]
        .into_iter()
        .map(|context| heartbeat(1, one.clone(), context))
        .collect();
    others.push(heartbeat(1, beat(0, MIN + 1, &a), Context::of_kind(Kind::File)));
    others.push(heartbeat(
        1,
        beat(0, MIN, &holder(2, "a")),
        Context::of_kind(Kind::File),
    ));
    others.push(heartbeat(1, beat(1, MIN, &a), Context::of_kind(Kind::File)));
    others.push(heartbeat(2, one.clone(), Context::of_kind(Kind::File)));
    let arrivals: Vec<_> = others
        .iter()
        .cloned()
        .map(|heartbeat| Arrival::Heartbeat { heartbeat })
        .collect();
    store.merge(&arrivals).await.expect("merge");
    let mut expected: Vec<_> = others[..6].to_vec();
    expected.sort();
    assert_eq!(store.heartbeats(user(1), span(-5..1)).await.expect("read"), expected);
    expected.push(others[6].clone());
    assert_eq!(store.heartbeats(user(1), span(0..2)).await.expect("read"), expected);
    assert_eq!(store.heartbeats(user(1), span(2..9)).await.expect("read"), []);
    assert_eq!(store.heartbeats(user(2), span(-5..9)).await.expect("read"), others[7..]);
    let earliest = others[..7].iter().map(|heartbeat| heartbeat.beat.at).min();
    for (who, first) in [(user(1), earliest), (user(2), Some(others[7].beat.at)), (user(3), None)] {
        assert_eq!(store.first_heartbeat(who).await.expect("read"), first);
    }
}

/// With what they leave to those before them, also from before the window, and nothing of pieces that pings hold.
pub async fn what_was_said_is_told_with_the_pieces_that_heartbeats_hold<
    S: TimelineStore + TimelineReader + ContextReader,
>(
    store: &S,
) {
    let a = holder(1, "a");
    let of = |at: i64, project: Option<Mention>| {
        let context = Context {
            project,
            ..Context::of_kind(Kind::File)
        };
        let heartbeat = heartbeat(1, beat(at, 10 * MIN, &a), context);
        Arrival::Heartbeat { heartbeat }
    };
    let named = |name: &str| Some(Mention::Named(ContextText::trusted(name)));
    let all = [
        of(9 * MIN, None),
        of(5 * MIN, named("two")),
        of(2 * MIN, Some(Mention::Last)),
        of(-600 * MIN, named("one")),
        ping(1, 20 * MIN..21 * MIN, &a, None),
    ];
    for one in all {
        store.merge(&[one]).await.expect("merge");
    }
    let held = store.held(user(1), span(3 * MIN..40 * MIN)).await.expect("read");
    let said: Vec<_> = held
        .iter()
        .map(|held| {
            assert_eq!(held.device, a.rank.device);
            (held.span, held.said.of(Dimension::Project).map(ContextText::as_str))
        })
        .collect();
    assert_eq!(
        said,
        [
            (span(2 * MIN..5 * MIN), Some("one")),
            (span(5 * MIN..9 * MIN), Some("two"))
        ]
    );
    assert_eq!(store.held(user(1), span(9 * MIN..40 * MIN)).await.expect("read"), []);
    assert_eq!(store.held(user(2), span(-MIN..40 * MIN)).await.expect("read"), []);
}

/// Neither the points nor what they claimed, and what arrives later is dropped.
pub async fn an_erased_person_has_no_heartbeats_and_gets_none<S>(store: &S)
where
    S: TimelineStore + TimelineReader + ContextReader + TimelineErasure,
{
    let a = holder(1, "a");
    let all = [sent(0, &a), sent(5 * MIN, &a)];
    store.merge(&all).await.expect("merge");
    store.erase(user(1), UnixMs(NOON)).await.expect("erase");
    let dropped = Merged {
        erased: vec![user(1)],
        ..Merged::default()
    };
    assert_eq!(store.merge(&all).await.expect("merge"), dropped);
    assert_eq!(pieces(store, 1).await, []);
    assert_eq!(store.heartbeats(user(1), span(-MIN..9 * MIN)).await.expect("read"), []);
    assert_eq!(store.held(user(1), span(-MIN..9 * MIN)).await.expect("read"), []);
}
