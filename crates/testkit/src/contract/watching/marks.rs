//! What was touched, and what is known of it.

use domain::time::Span;
use domain::trackers::activitywatch::{Browser, Presence, Row, Tabs, Told, Watched};
use domain::usage::{AppName, Domain};
use ports::trackers::{EARLIER_MAX, Edit, EventWindow, LASTING_MAX, LASTING_US, WatchBuckets, WatchEvents, WatchMarks};

use super::{ALL, NOW, ada, app, bucket, edit, event, ids, kept, made, watcher};

/// Whole or up to an instant.
pub async fn what_is_touched_is_marked_until_it_is_settled<W: WatchBuckets + WatchEvents + WatchMarks>(watching: &W) {
    made(watching, ada(), &bucket("w", "currentwindow")).await;
    let span = |start: i64, end: i64| Span::new(NOW.plus_ms(start), NOW.plus_ms(end)).expect("not empty");
    let change = Edit {
        touched: vec![span(50, 60), span(0, 10), span(20, 40)],
        ..edit(0, &[event(1, (0, 1), app("A"))])
    };
    kept(watching, ada(), "w", &change).await;
    let marked = async |before: i64, limit: usize| {
        let marks = watching.marks(ada(), NOW.plus_ms(before), limit).await.expect("read");
        assert!(marks.iter().all(|mark| mark.precedence == 3));
        marks
    };
    let spans = |marks: &[ports::trackers::Mark]| marks.iter().map(|mark| mark.span).collect::<Vec<_>>();
    let all = marked(1_000, 9).await;
    assert_eq!(spans(&all), [span(0, 10), span(20, 40), span(50, 60)]);
    assert_eq!(spans(&marked(1_000, 1).await), [span(0, 10)]);
    assert_eq!(spans(&marked(20, 9).await), [span(0, 10)]);
    let ids: Vec<i64> = all.iter().take(2).map(|mark| mark.id).collect();
    watching.settle(ada(), &ids, NOW.plus_ms(30)).await.expect("settled");
    assert_eq!(spans(&marked(1_000, 9).await), [span(30, 40), span(50, 60)]);
    watching
        .settle(watcher(1, 11), &ids, NOW.plus_ms(99))
        .await
        .expect("no error");
    assert_eq!(marked(1_000, 9).await.len(), 2);
    let ids: Vec<i64> = all.iter().map(|mark| mark.id).collect();
    watching.settle(ada(), &ids, NOW.plus_ms(60)).await.expect("settled");
    assert_eq!(marked(1_000, 9).await, []);
}

/// Those that a stretch of seven seconds, two after [`NOW`], touches.
fn rows<T: Clone>(seen: &T) -> Vec<Row<T>> {
    let row = |start: i64, end: i64| Row {
        start: NOW.plus_ms(start),
        end: NOW.plus_ms(end),
        seen: seen.clone(),
    };
    vec![row(0, 2_000), row(9_000, 9_000)]
}

/// A bucket of windows without rows says whose windows they are.
pub async fn all_rows_around_a_stretch_are_given_and_empty_buckets_are_named<
    W: WatchBuckets + WatchEvents + WatchMarks,
>(
    watching: &W,
) {
    let site = Domain::of_url("https://a.example/").ok().flatten();
    let told = [
        ("afk", "afkstatus", Told::Presence(Presence::Here)),
        (
            "aw-watcher-web-firefox",
            "web.tab.current",
            Told::Site(site.clone().expect("a site")),
        ),
        ("notes", "notes", Told::Nothing),
        ("w", "currentwindow", app("A")),
    ];
    for (id, kind, told) in told {
        made(watching, ada(), &bucket(id, kind)).await;
        let events = [
            event(1, (0, 2_000_000), told.clone()),
            event(2, (9_000_000, 9_000_000), told.clone()),
            event(3, (20_000_000, 20_000_000), told),
        ];
        kept(watching, ada(), id, &edit(0, &events)).await;
    }
    made(watching, ada(), &bucket("z", "currentwindow")).await;
    let hostname = || "b\u{fc}cher".to_owned();
    let reach = Span::new(NOW.plus_ms(2_000), NOW.plus_ms(9_000)).expect("not empty");
    let found = watching.watched(ada(), reach, 2).await.expect("read");
    assert!(found.are_all);
    let mut watched = found.watched;
    watched.windows.iter_mut().for_each(|(_, rows)| rows.sort());
    watched.presence.iter_mut().for_each(|(_, rows)| rows.sort());
    watched.tabs.iter_mut().for_each(|(_, tabs)| tabs.rows.sort());
    let expected = Watched {
        windows: vec![(hostname(), rows(&AppName::parse("A").ok())), (hostname(), Vec::new())],
        presence: vec![(hostname(), rows(&Presence::Here))],
        tabs: vec![(
            hostname(),
            Tabs {
                browser: Browser::of_bucket("aw-watcher-web-firefox").expect("a browser"),
                rows: rows(&site),
            },
        )],
    };
    assert_eq!(watched, expected);
}

/// And whether there are more of one: it does not matter how many there are of all together.
pub async fn of_each_bucket_so_many_rows_are_given_the_last<W: WatchBuckets + WatchEvents + WatchMarks>(watching: &W) {
    let second = 1_000_000;
    for id in ["v", "w"] {
        made(watching, ada(), &bucket(id, "currentwindow")).await;
        let events = [1, 2, 3].map(|number| event(number, ((number - 1) * second, 9 * second), app("A")));
        kept(watching, ada(), id, &edit(0, &events)).await;
    }
    let reach = Span::new(NOW.plus_ms(1_500), NOW.plus_ms(9_000)).expect("not empty");
    for (limit, are_all, starts) in [
        (4, true, &[0, 1_000, 2_000][..]),
        (3, true, &[0, 1_000, 2_000]),
        (2, false, &[1_000, 2_000]),
        (1, false, &[2_000]),
    ] {
        let found = watching.watched(ada(), reach, limit).await.expect("read");
        assert_eq!(found.are_all, are_all, "{limit}");
        let expected: Vec<_> = starts.iter().map(|start| NOW.plus_ms(*start)).collect();
        for (_, mut rows) in found.watched.windows {
            rows.sort();
            let starts: Vec<_> = rows.iter().map(|row| row.start).collect();
            assert_eq!(starts, expected, "{limit}");
        }
    }
}

/// Of what does not last for long.
pub async fn what_started_shortly_before_is_looked_through_so_far<W: WatchBuckets + WatchEvents + WatchMarks>(
    watching: &W,
) {
    made(watching, ada(), &bucket("w", "currentwindow")).await;
    let most = i64::try_from(EARLIER_MAX).expect("few");
    let long = event(1, (0, 90_000_000), app("A"));
    let short = (2..=most).map(|number| event(number, (number, number), app("B")));
    let events: Vec<_> = std::iter::once(long).chain(short).collect();
    kept(watching, ada(), "w", &edit(0, &events)).await;
    let reach = Span::new(NOW.plus_ms(60_000), NOW.plus_ms(61_000)).expect("not empty");
    let rows = async || {
        let found = watching.watched(ada(), reach, 9).await.expect("read");
        assert!(found.are_all);
        found.watched.windows[0].1.len()
    };
    assert_eq!(rows().await, 1);
    kept(
        watching,
        ada(),
        "w",
        &edit(1, &[event(most + 1, (most + 1, most + 1), app("B"))]),
    )
    .await;
    assert_eq!(rows().await, 0);
}

/// Also one that only grew to be long, and so many of them. Nothing that does not last for long is looked at for it.
pub async fn what_lasts_for_long_is_found_however_much_started_since<W: WatchBuckets + WatchEvents + WatchMarks>(
    watching: &W,
) {
    const HOUR: i64 = LASTING_US;
    made(watching, ada(), &bucket("w", "currentwindow")).await;
    kept(watching, ada(), "w", &edit(0, &[event(1, (0, 10), app("A"))])).await;
    let most = i64::try_from(EARLIER_MAX).expect("few");
    let short = (2..=most + 1).map(|id| event(id, (3 * HOUR + id, 3 * HOUR + id), app("B")));
    let events: Vec<_> = std::iter::once(event(1, (0, 5 * HOUR), app("A")))
        .chain(short)
        .collect();
    kept(watching, ada(), "w", &edit(1, &events)).await;
    let starts_at = NOW.plus_ms(3 * HOUR / 1_000 + 60_000);
    let reach = Span::new(starts_at, starts_at.plus_ms(1_000)).expect("not empty");
    let names = async || {
        let found = watching.watched(ada(), reach, 9).await.expect("read");
        assert!(found.are_all);
        found.watched.windows[0].1.len()
    };
    assert_eq!(names().await, 1);
    let mut shown = watching.buckets(ada(), Some("w")).await.expect("read");
    let stretch = shown.pop().and_then(|bucket| bucket.stretch).expect("not empty");
    assert_eq!(stretch.end_us - stretch.start_us, 5 * HOUR);
    let window = EventWindow {
        from_us: NOW.0 * 1_000 + 4 * HOUR + 60_000_000,
        ..ALL
    };
    assert_eq!(ids(watching, ada(), window).await, [1]);
    assert_eq!(watching.count(ada(), "w", window).await.expect("counted"), 1);
    // And beyond so many not even that.
    let others = most + 2..most + 2 + i64::try_from(LASTING_MAX).expect("few");
    let others: Vec<_> = others.map(|id| event(id, (0, HOUR + 1), app("C"))).collect();
    kept(watching, ada(), "w", &edit(2, &others[1..])).await;
    assert_eq!(names().await, 1);
    kept(watching, ada(), "w", &edit(3, &others)).await;
    assert_eq!(names().await, 0);
}
