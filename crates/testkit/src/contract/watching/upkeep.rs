//! What is left to whoever looks after all devices, and what a person is given.

use domain::accounts::DeviceId;
use domain::time::Span;
use ports::trackers::{Edit, WatchBuckets, WatchEvents, WatchReader, WatchUpkeep};
use uuid::Uuid;

use super::{ALL, NOW, ada, app, bucket, edit, event, filled, ids, kept, made, watcher};

/// The one that waits longest first; not who was marked a moment ago, nor where it is all still to come.
pub async fn who_was_left_behind_is_found<W: WatchBuckets + WatchEvents + WatchUpkeep>(watching: &W) {
    for (of, marked, start) in [
        (watcher(1, 11), 10, 0),
        (watcher(2, 10), 5, 0),
        (watcher(1, 10), 20, 0),
        (watcher(1, 12), 5, 500),
    ] {
        made(watching, of, &bucket("w", "currentwindow")).await;
        let change = Edit {
            touched: vec![Span::new(NOW.plus_ms(start), NOW.plus_ms(900)).expect("not empty"); 2],
            now: NOW.plus_ms(marked),
            ..edit(0, &[event(1, (0, 1), app("A"))])
        };
        kept(watching, of, "w", &change).await;
    }
    let left = async |limit: usize| {
        let left = watching.left_behind(NOW.plus_ms(20), NOW.plus_ms(100), limit).await;
        left.expect("read")
    };
    assert_eq!(left(9).await, [watcher(2, 10), watcher(1, 11)]);
    assert_eq!(left(1).await, [watcher(2, 10)]);
}

/// Some at a time. The bucket stays, because its watcher will not make it again.
pub async fn what_is_old_is_forgotten<W: WatchBuckets + WatchEvents + WatchUpkeep>(watching: &W) {
    let ms = 1_000;
    let events = [
        event(1, (0, 9 * ms), app("A")),
        event(2, (ms, 10 * ms), app("A")),
        event(3, (2 * ms, 5 * ms), app("A")),
        event(4, (20 * ms, 20 * ms), app("A")),
    ];
    filled(watching, ada(), &events).await;
    let before = NOW.plus_ms(10);
    assert_eq!(watching.forget_events(before, 1).await.expect("forgotten"), 1);
    assert_eq!(watching.forget_events(before, 9).await.expect("forgotten"), 1);
    assert_eq!(watching.forget_events(before, 9).await.expect("forgotten"), 0);
    assert_eq!(ids(watching, ada(), ALL).await, [4, 2]);
    let after = NOW.plus_ms(1_000);
    assert_eq!(watching.forget_events(after, 9).await.expect("forgotten"), 2);
    assert_eq!(watching.buckets(ada(), None).await.expect("read").len(), 1);
}

/// In the order of its starts, of whichever device, and nothing of anybody else.
pub async fn a_person_is_given_everything_of_theirs<W: WatchBuckets + WatchEvents + WatchReader>(watching: &W) {
    filled(
        watching,
        ada(),
        &[
            event(1, (5_000, 9_000), app("A")),
            event(2, (900_000, 900_000), app("A")),
        ],
    )
    .await;
    filled(watching, watcher(1, 11), &[event(7, (0, 9_000), app("B"))]).await;
    filled(watching, watcher(2, 10), &[event(1, (0, 9_000), app("C"))]).await;
    let window = Span::new(NOW, NOW.plus_ms(900)).expect("not empty");
    let found = watching.watched_events(ada().user, window).await.expect("read");
    let found: Vec<_> = found
        .iter()
        .map(|found| {
            (
                found.device,
                found.bucket.as_str(),
                found.hostname.as_str(),
                found.event.clone(),
            )
        })
        .collect();
    let device = |number: u128| DeviceId(Uuid::from_u128(number));
    let expected = [
        (device(11), "w", "b\u{fc}cher", event(7, (0, 9_000), app("B"))),
        (device(10), "w", "b\u{fc}cher", event(1, (5_000, 9_000), app("A"))),
    ];
    assert_eq!(found, expected);
}
