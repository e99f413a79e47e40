//! Events.

use domain::time::Span;
use domain::trackers::activitywatch::{Presence, Told};
use domain::usage::Domain;
use ports::trackers::{
    EVENTS_MAX, Edit, EditOutcome, EventWindow, Look, SAME_START_MAX, Seen, WatchBuckets, WatchEvent, WatchEvents,
    WatchMarks,
};

use super::{ALL, NOW, ada, app, edit, event, filled, ids, kept};

/// By where it starts, and by its number; each comes back as it was kept.
pub async fn an_event_is_found_by_what_is_asked_for<W: WatchBuckets + WatchEvents>(watching: &W) {
    let site = Domain::of_url("https://a.example/").ok().flatten().expect("a site");
    let events = [
        event(1, (0, 10), app("b\u{fc}cher")),
        event(2, (20, 20), Told::Site(site)),
        event(3, (20, 25), Told::Presence(Presence::Here)),
        event(4, (30, 35), Told::Presence(Presence::Away)),
        event(5, (40, 45), Told::Nothing),
    ];
    filled(watching, ada(), &events).await;
    let us = |at: i64| NOW.0 * 1_000 + at;
    let look = |at: i64, until: i64, limit: usize, ids: &[i64]| Look {
        at_us: us(at),
        until_us: us(until),
        limit,
        ids: ids.to_vec(),
        starts_us: Vec::new(),
    };
    let [one, two, three, four, five] = events;
    let seen = |before: Option<&WatchEvent>, after: &[&WatchEvent], named: &[&WatchEvent]| Seen {
        kind: "currentwindow".to_owned(),
        version: 1,
        last_id: 5,
        first_id: Some(1),
        before: before.cloned(),
        after: after.iter().map(|event| (*event).clone()).collect(),
        named: named.iter().map(|event| (*event).clone()).collect(),
        started: Vec::new(),
    };
    for (look, expected) in [
        (look(-1, -1, 9, &[]), seen(None, &[], &[])),
        (look(0, 19, 9, &[]), seen(Some(&one), &[], &[])),
        (look(19, 30, 9, &[]), seen(Some(&one), &[&two, &three, &four], &[])),
        (look(19, 30, 2, &[]), seen(Some(&one), &[&two, &three], &[])),
        // Of two with one start the one with the greater number.
        (look(20, 40, 9, &[]), seen(Some(&three), &[&four, &five], &[])),
        (look(-1, -1, 9, &[4, 9]), seen(None, &[], &[&four])),
    ] {
        let found = watching.look(ada(), "w", &look).await.expect("read");
        assert_eq!(found, Some(expected), "{look:?}");
    }
    let none = watching.look(ada(), "none", &look(0, 0, 9, &[1])).await;
    assert_eq!(none.expect("no error"), None);
}

/// Of one start so many and no more.
pub async fn events_are_found_by_their_starts<W: WatchBuckets + WatchEvents>(watching: &W) {
    let most = i64::try_from(SAME_START_MAX).expect("few");
    let many = (1..=most + 1).map(|id| event(id, (20, 20 + id), app("A")));
    let more = [event(90, (10, 10), app("B")), event(91, (30, 30), app("C"))];
    let events: Vec<WatchEvent> = many.chain(more).collect();
    filled(watching, ada(), &events).await;
    let us = |at: i64| NOW.0 * 1_000 + at;
    let look = Look {
        at_us: i64::MIN,
        until_us: i64::MIN,
        limit: 0,
        ids: Vec::new(),
        starts_us: vec![us(20), us(21), us(30)],
    };
    let seen = watching.look(ada(), "w", &look).await.expect("read").expect("there");
    let mut started: Vec<i64> = seen.started.iter().map(|event| event.id).collect();
    started.sort_unstable();
    assert_eq!(started, (1..=most).chain([91]).collect::<Vec<_>>());
    assert_eq!((seen.before, seen.after, seen.named), (None, vec![], vec![]));
}

/// Not of a bucket that is not there, either.
pub async fn a_change_of_what_was_not_seen_changes_nothing<W: WatchBuckets + WatchEvents + WatchMarks>(watching: &W) {
    filled(watching, ada(), &[event(1, (0, 10), app("A"))]).await;
    let mut change = edit(1, &[event(2, (20, 30), app("B"))]);
    change.touched = vec![Span::new(NOW, NOW.plus_ms(1)).expect("not empty")];
    let (one, other) = tokio::join!(watching.keep(ada(), "w", &change), watching.keep(ada(), "w", &change));
    let mut outcomes = [one.expect("no error"), other.expect("no error")];
    outcomes.sort_by_key(|outcome| *outcome == EditOutcome::Changed);
    assert_eq!(outcomes, [EditOutcome::Kept, EditOutcome::Changed]);
    for (bucket, seen) in [("w", 1), ("w", 3), ("none", 0)] {
        let stale = Edit { seen, ..change.clone() };
        let outcome = watching.keep(ada(), bucket, &stale).await.expect("no error");
        assert_eq!(outcome, EditOutcome::Changed, "{bucket} {seen}");
    }
    assert_eq!(ids(watching, ada(), ALL).await, [2, 1]);
    assert_eq!(watching.marks(ada(), NOW.plus_ms(9), 9).await.expect("read").len(), 1);
}

/// And what is removed is gone.
pub async fn an_event_takes_the_place_of_that_with_its_number<W: WatchBuckets + WatchEvents>(watching: &W) {
    let events = [event(1, (0, 10), app("A")), event(2, (20, 30), app("B"))];
    filled(watching, ada(), &events).await;
    let grown = event(2, (15, 35), app("C"));
    let change = Edit {
        removed: vec![1, 9],
        ..edit(1, std::slice::from_ref(&grown))
    };
    kept(watching, ada(), "w", &change).await;
    assert_eq!(watching.events(ada(), "w", ALL).await.expect("read"), [grown]);
}

/// Whatever it is, nothing goes for it.
pub async fn the_lowest_number_that_is_there_is_seen<W: WatchBuckets + WatchEvents>(watching: &W) {
    filled(watching, ada(), &[]).await;
    let look = Look {
        at_us: i64::MIN,
        until_us: i64::MIN,
        limit: 0,
        ids: Vec::new(),
        starts_us: Vec::new(),
    };
    let first = async || {
        let seen = watching.look(ada(), "w", &look).await.expect("read");
        seen.expect("there").first_id
    };
    assert_eq!(first().await, None);
    let events = [2, 5, EVENTS_MAX + 9].map(|id| event(id, (id, id), app("A")));
    kept(watching, ada(), "w", &edit(1, &events)).await;
    assert_eq!(first().await, Some(2));
    let change = Edit {
        removed: vec![2],
        ..edit(2, &[])
    };
    kept(watching, ada(), "w", &change).await;
    assert_eq!(first().await, Some(5));
}

/// Also one that is long, and only up to the limit.
pub async fn a_window_gives_the_newest_that_overlap_it<W: WatchBuckets + WatchEvents>(watching: &W) {
    let events = [
        event(1, (0, 100), app("A")),
        event(2, (20, 30), app("B")),
        event(3, (40, 50), app("B")),
    ];
    filled(watching, ada(), &events).await;
    let us = |at: i64| NOW.0 * 1_000 + at;
    for ((from, to, limit), expected) in [
        ((i64::MIN, i64::MAX, 9), &[3, 2, 1][..]),
        ((i64::MIN, i64::MAX, 2), &[3, 2]),
        ((us(30), us(39), 9), &[2, 1]),
        ((us(31), us(39), 9), &[1]),
        ((us(100), us(100), 9), &[1]),
        ((us(101), i64::MAX, 9), &[]),
        ((i64::MIN, us(-1), 9), &[]),
    ] {
        let window = EventWindow {
            from_us: from,
            to_us: to,
            limit,
        };
        assert_eq!(ids(watching, ada(), window).await, expected, "{window:?}");
        let counted = watching.count(ada(), "w", window).await.expect("counted");
        assert!(counted >= expected.len() as u64 && (limit == 2 || counted == expected.len() as u64));
    }
    assert_eq!(watching.count(ada(), "none", ALL).await.expect("counted"), 0);
    assert_eq!(watching.events(ada(), "none", ALL).await.expect("read"), []);
}
