//! What becomes of claims that are merged.

use domain::accounts::DeviceId;
use domain::time::DAY_MS;
use domain::usage::{Attention, Holder, Label, Rank, Timeline};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use uuid::Uuid;

use super::{NOON, holder, of, orders, pieces, ping, segment};

/// Before the first merge there is nothing.
pub async fn nothing_is_read_where_nothing_was_merged<S: TimelineStore + TimelineReader>(store: &S) {
    assert_eq!(pieces(store, 1).await, []);
}

/// A merge of nothing succeeds and says that it did nothing.
pub async fn an_empty_merge_does_nothing<S: TimelineStore + TimelineReader>(store: &S) {
    let merged = store.merge(&[]).await.expect("merge");
    assert_eq!((merged.rows, merged.merged_through), (0, vec![]));
}

/// Every part of a claim survives, at the ends of its range too.
pub async fn a_claim_is_read_back_as_it_was_merged<S: TimelineStore + TimelineReader>(store: &S) {
    let passive = Holder {
        rank: Rank {
            attention: Attention::Passive,
            precedence: i32::MIN,
            device: DeviceId(Uuid::from_u128(u128::MAX)),
            beat: None,
        },
        label: Label::trusted("Firefox", Some("example.org")),
    };
    let active = Holder {
        rank: Rank {
            attention: Attention::Active,
            precedence: i32::MAX,
            device: DeviceId(Uuid::nil()),
            beat: None,
        },
        label: Label::trusted("Terminal", None),
    };
    let segments = [
        segment(-7..1, &passive),
        segment(1..2, &active),
        segment(5..900, &passive),
    ];
    store
        .merge(&segments.clone().map(|segment| of(1, segment)))
        .await
        .expect("merge");
    assert_eq!(pieces(store, 1).await, segments);
}

/// What is merged already changes nothing, whether it comes alone or with others.
pub async fn merging_again_writes_nothing<S: TimelineStore + TimelineReader>(store: &S) {
    let pings = [
        ping(1, 0..5, &holder(1, "a"), Some(1)),
        ping(1, 5..9, &holder(1, "b"), Some(2)),
        ping(1, 3..7, &holder(2, "c"), Some(1)),
        ping(2, 0..5, &holder(3, "a"), None),
    ];
    let first = store.merge(&pings).await.expect("merge");
    assert!(first.rows > 0);
    let before = pieces(store, 1).await;
    for again in [&pings[..], &pings[1..2], &pings[2..]] {
        assert_eq!(store.merge(again).await.expect("merge").rows, 0);
    }
    assert_eq!(pieces(store, 1).await, before);
}

/// Ping after ping of one application is one piece, however they are batched.
pub async fn what_goes_on_makes_one_longer_piece<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    for ends in [[0..5, 5..10], [10..15, 12..20], [20..21, 21..22]] {
        store
            .merge(&ends.map(|range| ping(1, range, &app, None)))
            .await
            .expect("merge");
    }
    assert_eq!(pieces(store, 1).await, [segment(0..22, &app)]);
}

/// The greatest claim has each instant, also where it arrives late, and what it does not claim stays with the others.
pub async fn a_greater_claim_takes_its_instants_and_leaves_the_rest<S: TimelineStore + TimelineReader>(store: &S) {
    let (low, high) = (holder(1, "a"), holder(2, "b"));
    store
        .merge(&[ping(1, 0..100, &low, None), ping(1, 200..300, &low, None)])
        .await
        .expect("merge");
    store
        .merge(&[ping(1, 40..60, &high, None), ping(1, 90..210, &high, None)])
        .await
        .expect("merge");
    let expected = [
        segment(0..40, &low),
        segment(40..60, &high),
        segment(60..90, &low),
        segment(90..210, &high),
        segment(210..300, &low),
    ];
    assert_eq!(pieces(store, 1).await, expected);
    store.merge(&[ping(1, 30..250, &low, None)]).await.expect("merge");
    assert_eq!(pieces(store, 1).await, expected);
}

/// Late, between two closed pieces that go on from it, it makes one of all three.
pub async fn a_late_claim_is_joined_to_the_neighbours_it_touches<S: TimelineStore + TimelineReader>(store: &S) {
    let (a, b) = (holder(1, "a"), holder(1, "b"));
    let around = [
        ping(1, 0..10, &a, None),
        ping(1, 20..30, &a, None),
        ping(1, 100..110, &b, None),
    ];
    store.merge(&around).await.expect("merge");
    store.merge(&[ping(1, 10..20, &a, None)]).await.expect("merge");
    assert_eq!(pieces(store, 1).await, [segment(0..30, &a), segment(100..110, &b)]);
}

/// One by one in each of all orders, and all at once: the same pieces.
pub async fn no_order_of_arrival_changes_what_is_read<S: TimelineStore + TimelineReader>(store: &S) {
    let claims = [
        segment(0..50, &holder(1, "a")),
        segment(50..70, &holder(1, "b")),
        segment(30..60, &holder(2, "a")),
        segment(-20..10, &holder(1, "a")),
        segment(200..210, &holder(1, "a")),
    ];
    let expected = Timeline::of(claims.clone()).into_segments();
    for (user, order) in (1..).zip(orders(claims.len())) {
        for index in order {
            store.merge(&[of(user, claims[index].clone())]).await.expect("merge");
        }
        assert_eq!(pieces(store, user).await, expected, "person {user}");
    }
}

/// One person's claims neither show in nor cut into another's time.
pub async fn people_do_not_meet<S: TimelineStore + TimelineReader>(store: &S) {
    let (one, other) = (holder(1, "a"), holder(9, "b"));
    store
        .merge(&[ping(1, 0..50, &one, None), ping(2, 10..60, &other, None)])
        .await
        .expect("merge");
    store
        .merge(&[ping(2, 60..70, &one, None), ping(1, 70..80, &one, None)])
        .await
        .expect("merge");
    assert_eq!(pieces(store, 1).await, [segment(0..50, &one), segment(70..80, &one)]);
    assert_eq!(pieces(store, 2).await, [segment(10..60, &other), segment(60..70, &one)]);
    assert_eq!(pieces(store, 3).await, []);
}

/// A laptop that was offline brings days and months that lie before everything stored.
pub async fn late_claims_before_everything_else_are_kept<S: TimelineStore + TimelineReader>(store: &S) {
    let app = holder(1, "a");
    for day in [0, -1, -40, -80, -40] {
        let start = day * DAY_MS;
        store
            .merge(&[ping(1, start..start + 5, &app, None)])
            .await
            .expect("merge");
    }
    let days: Vec<_> = pieces(store, 1)
        .await
        .iter()
        .map(|piece| (piece.span.start().0 - NOON) / DAY_MS)
        .collect();
    assert_eq!(days, [-80, -40, -1, 0]);
}

/// Quotes, backslashes, wide characters and what looks like a statement are names like any other.
pub async fn names_of_every_script_come_back_as_they_were<S: TimelineStore + TimelineReader>(store: &S) {
    let long = "ä".repeat(255);
    let names = [
        "'; DROP TABLE app_usage; --",
        "\"quoted\\\" {a,b} NULL $1 %s",
        "日本語 🕰\u{fe0f} \u{202e}rtl",
        "e\u{301} and \u{e9}",
        "null",
        long.as_str(),
    ];
    let mut expected = Vec::new();
    for (name, at) in names.iter().zip((0..).step_by(10)) {
        let mut holder = holder(1, name);
        holder.label = Label::trusted(name, Some("xn--bcher-kva.example"));
        expected.push(segment(at..at + 10, &holder));
    }
    let pings: Vec<_> = expected.iter().map(|segment| of(1, segment.clone())).collect();
    store.merge(&pings).await.expect("merge");
    assert_eq!(pieces(store, 1).await, expected);
}

/// Of two labels of one rank the one with the greater bytes wins, in whatever order a language would put them.
pub async fn labels_compare_by_bytes<S: TimelineStore + TimelineReader>(store: &S) {
    for (user, (less, greater)) in (1..).zip([("B", "a"), ("z", "é"), ("a b", "a-b"), ("Z", "_")]) {
        let (less, greater) = (holder(1, less), holder(1, greater));
        store.merge(&[ping(user, 0..10, &greater, None)]).await.expect("merge");
        store
            .merge(&[ping(user, 0..10, &less, None), ping(user, 20..30, &less, None)])
            .await
            .expect("merge");
        store.merge(&[ping(user, 20..30, &greater, None)]).await.expect("merge");
        assert_eq!(
            pieces(store, user).await,
            [segment(0..10, &greater), segment(20..30, &greater)]
        );
    }
}

/// A merge may bring thousands of people, each with pieces to close.
pub async fn many_people_are_merged_at_once<S: TimelineStore + TimelineReader>(store: &S) {
    const PEOPLE: u128 = 4_500;
    let pings = |at: i64, app: &str, seq: u64| -> Vec<_> {
        (1..=PEOPLE)
            .map(|user| ping(user, at..at + 1, &holder(user, app), Some(seq)))
            .collect()
    };
    let first = store.merge(&pings(0, "a", 1)).await.expect("merge");
    assert_eq!(first.merged_through.len(), 4_500);
    let more = store
        .merge(&[pings(1, "b", 2), pings(2, "a", 3)].concat())
        .await
        .expect("merge");
    assert!(more.merged_through.iter().all(|(_, through)| *through == 3));
    for user in [1, 2_000, 2_001, PEOPLE] {
        let (a, b) = (holder(user, "a"), holder(user, "b"));
        let expected = [segment(0..1, &a), segment(1..2, &b), segment(2..3, &a)];
        assert_eq!(pieces(store, user).await, expected);
    }
}
