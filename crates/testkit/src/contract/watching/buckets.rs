//! Buckets.

use domain::time::Span;
use domain::trackers::activitywatch::Stretch;
use ports::trackers::{BUCKETS_MAX, BucketOutcome, WatchBucket, WatchBuckets, WatchEvents, WatchMarks};

use super::{ALL, NOW, ada, app, bucket, edit, event, filled, ids, kept, made, watcher};

/// With its events, and one of its name is another afterwards.
pub async fn a_bucket_is_made_once_changed_and_forgotten<W: WatchBuckets + WatchEvents>(watching: &W) {
    let (one, other) = (bucket("w", "currentwindow"), bucket("a", "afkstatus"));
    made(watching, ada(), &one).await;
    made(watching, ada(), &other).await;
    let again = watching.create(ada(), &bucket("w", "afkstatus"), NOW).await;
    assert_eq!(again.expect("no error"), BucketOutcome::There);
    assert_eq!(
        watching.buckets(ada(), None).await.expect("read"),
        [other.clone(), one.clone()]
    );
    kept(
        watching,
        ada(),
        "w",
        &edit(0, &[event(1, (5, 9), app("A")), event(2, (7, 8), app("A"))]),
    )
    .await;
    let us = |at: i64| NOW.0 * 1_000 + at;
    let shown = watching.buckets(ada(), Some("w")).await.expect("read");
    let stretch = Some(Stretch {
        start_us: us(5),
        end_us: us(9),
    });
    assert_eq!(shown, [WatchBucket { stretch, ..one.clone() }]);
    let changed = WatchBucket {
        kind: "other".to_owned(),
        client: String::new(),
        hostname: "h".to_owned(),
        ..one.clone()
    };
    assert!(watching.change(ada(), &changed).await.expect("changed"));
    assert_eq!(
        watching.buckets(ada(), Some("w")).await.expect("read"),
        [WatchBucket { stretch, ..changed }]
    );
    assert!(!watching.change(ada(), &bucket("none", "x")).await.expect("no error"));
    assert!(watching.delete(ada(), "w").await.expect("forgotten"));
    assert!(!watching.delete(ada(), "w").await.expect("no error"));
    made(watching, ada(), &one).await;
    assert_eq!(watching.events(ada(), "w", ALL).await.expect("read"), []);
}

/// One of a name that is there is refused for that, and for nothing else.
pub async fn a_device_has_so_many_buckets_and_no_more<W: WatchBuckets>(watching: &W) {
    for number in 0..BUCKETS_MAX {
        made(watching, ada(), &bucket(&format!("{number}"), "x")).await;
    }
    let more = watching.create(ada(), &bucket("more", "x"), NOW).await;
    assert_eq!(more.expect("no error"), BucketOutcome::TooMany);
    let there = watching.create(ada(), &bucket("0", "x"), NOW).await;
    assert_eq!(there.expect("no error"), BucketOutcome::There);
    made(watching, watcher(1, 11), &bucket("more", "x")).await;
    assert_eq!(watching.buckets(ada(), None).await.expect("read").len(), BUCKETS_MAX);
}

/// Whatever is called alike.
pub async fn devices_and_people_do_not_meet<W: WatchBuckets + WatchEvents + WatchMarks>(watching: &W) {
    let all = [watcher(1, 10), watcher(1, 11), watcher(2, 10)];
    for (number, of) in (1..).zip(all) {
        filled(watching, of, &[event(number, (0, number), app("A"))]).await;
    }
    for (number, of) in (1..).zip(all) {
        assert_eq!(ids(watching, of, ALL).await, [number]);
        let reach = Span::new(NOW.plus_ms(-1), NOW.plus_ms(1)).expect("not empty");
        let watched = watching.watched(of, reach, 9).await.expect("read").watched;
        assert_eq!((watched.windows.len(), watched.windows[0].1.len()), (1, 1));
    }
    assert!(watching.delete(all[0], "w").await.expect("forgotten"));
    for (number, of) in [(2, all[1]), (3, all[2])] {
        assert_eq!(ids(watching, of, ALL).await, [number]);
    }
}
