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
    let again = watching.create(ada(), &bucket("w", "afkstatus"), (NOW, NOW)).await;
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
    let more = watching.create(ada(), &bucket("more", "x"), (NOW, NOW)).await;
    assert_eq!(more.expect("no error"), BucketOutcome::TooMany);
    let there = watching.create(ada(), &bucket("0", "x"), (NOW, NOW)).await;
    assert_eq!(there.expect("no error"), BucketOutcome::There);
    made(watching, watcher(1, 11), &bucket("more", "x")).await;
    assert_eq!(watching.buckets(ada(), None).await.expect("read").len(), BUCKETS_MAX);
}

/// Not one of which something is kept, nor one of which something was heard since.
pub async fn for_one_more_an_empty_one_gives_way_that_is_silent_for_longest<W: WatchBuckets + WatchEvents>(
    watching: &W,
) {
    let made_at = async |id: &str, minute: i64| {
        let at = NOW.plus_ms(minute * 60_000);
        let outcome = watching.create(ada(), &bucket(id, "x"), (NOW, at)).await;
        assert_eq!(outcome.expect("no error"), BucketOutcome::Made, "{id}");
    };
    for number in 3..BUCKETS_MAX {
        made_at(&format!("new {number}"), 30).await;
    }
    made_at("full", 0).await;
    made_at("silent", 2).await;
    made_at("silent longer", 1).await;
    kept(watching, ada(), "full", &edit(0, &[event(1, (0, 1), app("A"))])).await;
    let wanted = async |id: &str, minute: i64| {
        let when = (NOW.plus_ms(minute * 60_000), NOW.plus_ms(3_600_000));
        watching.create(ada(), &bucket(id, "x"), when).await.expect("no error")
    };
    let names = async || {
        let buckets = watching.buckets(ada(), None).await.expect("read");
        assert_eq!(buckets.len(), BUCKETS_MAX);
        let old = buckets.into_iter().filter(|bucket| !bucket.id.starts_with("new"));
        old.map(|bucket| bucket.id).collect::<Vec<_>>()
    };
    assert_eq!(wanted("more", 1).await, BucketOutcome::TooMany);
    assert_eq!(wanted("silent", 20).await, BucketOutcome::There);
    assert_eq!(names().await, ["full", "silent", "silent longer"]);
    assert_eq!(wanted("more", 20).await, BucketOutcome::Made);
    assert_eq!(names().await, ["full", "more", "silent"]);
    assert_eq!(wanted("even more", 20).await, BucketOutcome::Made);
    assert_eq!(names().await, ["even more", "full", "more"]);
    assert_eq!(wanted("too many", 20).await, BucketOutcome::TooMany);
}

/// However many they are; and nothing of another bucket goes.
pub async fn a_bucket_goes_with_all_its_events<W: WatchBuckets + WatchEvents>(watching: &W) {
    const MANY: i64 = 20_001;
    let events: Vec<_> = (1..=MANY).map(|id| event(id, (id, id), app("A"))).collect();
    filled(watching, ada(), &events).await;
    made(watching, ada(), &bucket("other", "currentwindow")).await;
    kept(watching, ada(), "other", &edit(0, &events[..2])).await;
    assert!(watching.delete(ada(), "w").await.expect("forgotten"));
    made(watching, ada(), &bucket("w", "currentwindow")).await;
    assert_eq!(watching.count(ada(), "w", ALL).await.expect("counted"), 0);
    assert_eq!(watching.count(ada(), "other", ALL).await.expect("counted"), 2);
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
