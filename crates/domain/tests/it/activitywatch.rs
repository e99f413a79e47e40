//! The join of ActivityWatch's streams against a model that asks, for one second after the other, what the rows say of it.

use domain::time::{Span, UnixMs};
use domain::trackers::activitywatch::{Beat, Browser, GAP_MAX_MS, Presence, Row, Streams, Stretch, Tabs, Used, fate};
use domain::usage::{AppName, Domain, Label};
use proptest::prelude::*;

/// The model's range, in seconds; every row begins and ends at a whole one.
const SECONDS: i64 = 60;
const GAP_MAX_SECS: i64 = GAP_MAX_MS / 1_000;

fn at(second: i64) -> UnixMs {
    UnixMs(second * 1_000)
}

fn row<T>(start: i64, end: i64, seen: T) -> Row<T> {
    let (start, end) = (at(start), at(end));
    Row { start, end, seen }
}

fn app(name: &str) -> AppName {
    AppName::parse(name).expect("a name")
}

fn window(name: &str) -> Option<AppName> {
    AppName::parse(name).ok()
}

fn site(host: &str) -> Option<Domain> {
    Domain::of_url(&format!("https://{host}/private?q=1")).expect("a URL")
}

fn firefox() -> Browser {
    Browser::of_bucket("aw-watcher-web-firefox").expect("a browser")
}

fn whole() -> Span {
    Span::new(at(0), at(SECONDS)).expect("not empty")
}

fn in_short(used: &[Used]) -> Vec<(i64, i64, String)> {
    let words = |label: &Label| match &label.domain {
        Some(domain) => format!("{} {}", label.app_name.as_str(), domain.as_str()),
        None => label.app_name.as_str().to_owned(),
    };
    let short = |used: &Used| {
        (
            used.span.start().0 / 1_000,
            used.span.end().0 / 1_000,
            words(&used.label),
        )
    };
    used.iter().map(short).collect()
}

fn expected(used: &[(i64, i64, &str)]) -> Vec<(i64, i64, String)> {
    used.iter()
        .map(|(start, end, words)| (*start, *end, (*words).to_owned()))
        .collect()
}

#[test]
fn a_morning_in_front_of_a_browser_and_an_editor() {
    let streams = Streams {
        windows: vec![vec![
            row(0, 10, window("Editor")),
            row(11, 30, window("firefox")),
            row(31, 40, window("Editor")),
            row(50, 60, window("firefox")),
        ]],
        presence: vec![vec![
            row(2, 35, Presence::Here),
            row(35, 52, Presence::Away),
            row(52, 60, Presence::Here),
        ]],
        tabs: vec![Tabs {
            browser: firefox(),
            rows: vec![
                row(5, 20, site("a.example")),
                row(20, 25, None),
                row(25, 55, site("b.example")),
            ],
        }],
    };
    let used = in_short(&streams.join(whole()));
    let sites = [
        (2, 11, "Editor"),
        (11, 20, "firefox a.example"),
        (20, 25, "firefox"),
        (25, 31, "firefox b.example"),
        (31, 35, "Editor"),
        (52, 55, "firefox b.example"),
        (55, 60, "firefox"),
    ];
    assert_eq!(used, expected(&sites));
    let known = streams.sites(&[row(0, 22, app("firefox")), row(22, 60, app("Editor"))], whole());
    assert_eq!(in_short(&known), expected(&[(5, 20, "firefox a.example")]));
}

#[test]
fn a_late_row_labels_from_where_it_starts_and_no_further_than_it_reaches() {
    let streams = Streams {
        windows: vec![vec![
            row(0, 30, window("A")),
            row(10, 20, window("B")),
            row(15, 15, window("C")),
        ]],
        presence: vec![vec![row(0, 60, Presence::Here)]],
        tabs: Vec::new(),
    };
    assert_eq!(
        in_short(&streams.join(whole())),
        expected(&[(0, 10, "A"), (10, 20, "B"), (20, 30, "A")])
    );
}

#[test]
fn a_gap_belongs_to_what_was_before_it_up_to_the_bound() {
    let used = |next: i64| {
        let streams = Streams {
            windows: vec![vec![row(0, 10, window("A")), row(next, 20, window("B"))]],
            presence: vec![vec![row(0, 60, Presence::Here)]],
            tabs: Vec::new(),
        };
        in_short(&streams.join(whole()))
    };
    let bound = 10 + GAP_MAX_SECS;
    assert_eq!(used(bound), expected(&[(0, bound, "A"), (bound, 20, "B")]));
    assert_eq!(used(bound + 1), expected(&[(0, 10, "A"), (bound + 1, 20, "B")]));
}

#[test]
fn a_window_that_may_not_be_named_ends_the_one_before_it() {
    let streams = Streams {
        windows: vec![vec![
            row(0, 10, window("A")),
            row(10, 13, None),
            row(13, 20, window("B")),
        ]],
        presence: vec![vec![row(0, 60, Presence::Here)]],
        tabs: Vec::new(),
    };
    assert_eq!(
        in_short(&streams.join(whole())),
        expected(&[(0, 10, "A"), (13, 20, "B")])
    );
}

#[test]
fn without_a_watcher_of_presence_nothing_is_claimed() {
    let streams = Streams {
        windows: vec![vec![row(0, 60, window("A"))]],
        ..Streams::default()
    };
    assert_eq!(streams.join(whole()), []);
}

// --- The model: slow, and too simple to be wrong. ---

/// What the rows of a bucket say of a second: the covering row that started last; in a short gap, the row that ended last before it.
fn seen_at<T: Ord + Clone>(rows: &[Row<T>], second: i64, fills_gaps: bool) -> Option<T> {
    let second = at(second);
    let of = |rows: Vec<&Row<T>>| {
        rows.into_iter()
            .max_by_key(|row| (row.start, row.seen.clone()))
            .map(|row| row.seen.clone())
    };
    let begun: Vec<&Row<T>> = rows.iter().filter(|row| row.start <= second).collect();
    let covering: Vec<&Row<T>> = begun.iter().copied().filter(|row| row.end > second).collect();
    if !covering.is_empty() || !fills_gaps {
        return of(covering);
    }
    let end = begun.iter().map(|row| row.end).max()?;
    let next = rows.iter().map(|row| row.start).filter(|start| *start > second).min()?;
    if next.0 - end.0 > GAP_MAX_MS {
        return None;
    }
    of(begun.into_iter().filter(|row| row.end == end).collect())
}

fn label_at(streams: &Streams, second: i64) -> Option<Label> {
    let is_here = |rows: &Vec<Row<Presence>>| seen_at(rows, second, false) == Some(Presence::Here);
    if !streams.presence.iter().any(is_here) {
        return None;
    }
    let focused = streams
        .windows
        .iter()
        .filter_map(|rows| seen_at(rows, second, true).flatten());
    let label = |app_name: AppName| {
        let tabs = streams.tabs.iter().filter(|tabs| tabs.browser.is(&app_name));
        let domain = tabs
            .filter_map(|tabs| seen_at(&tabs.rows, second, true).flatten())
            .max();
        Label { app_name, domain }
    };
    focused.map(label).max()
}

fn modelled(label_at: impl Fn(i64) -> Option<Label>) -> Vec<Option<Label>> {
    (0..SECONDS).map(label_at).collect()
}

fn joined(used: &[Used]) -> Vec<Option<Label>> {
    let holds = |used: &&Used, second| used.span.start() <= at(second) && at(second) < used.span.end();
    let of = |second| {
        used.iter()
            .find(|used| holds(used, second))
            .map(|used| used.label.clone())
    };
    modelled(of)
}

// --- Streams of any kind, and those that a watcher makes. ---

fn rows<T: Clone + std::fmt::Debug>(seen: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Row<T>>> {
    let row = (0..SECONDS, prop_oneof![1 => Just(0), 4 => 0..25_i64], seen);
    prop::collection::vec(row.prop_map(|(start, length, seen)| row_of(start, length, seen)), 0..8)
}

/// As a watcher makes them: one after the other, some right after the one before.
fn in_order<T: Clone + std::fmt::Debug>(seen: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<Row<T>>> {
    prop::collection::vec((prop_oneof![2 => Just(0), 3 => 0..9_i64], 0..12_i64, seen), 0..8).prop_map(|rows| {
        let mut end = 0;
        let place = |(gap, length, seen)| {
            let start = end + gap;
            end = start + length;
            row_of(start, length, seen)
        };
        rows.into_iter().map(place).collect()
    })
}

fn row_of<T>(start: i64, length: i64, seen: T) -> Row<T> {
    row(start.min(SECONDS), (start + length).min(SECONDS), seen)
}

fn apps() -> impl Strategy<Value = AppName> {
    prop_oneof![Just("Editor"), Just("firefox"), Just("Google-chrome")].prop_map(app)
}

fn windows() -> impl Strategy<Value = Option<AppName>> {
    prop_oneof![5 => apps().prop_map(Some), 1 => Just(None)]
}

fn presences() -> impl Strategy<Value = Presence> {
    prop_oneof![3 => Just(Presence::Here), 1 => Just(Presence::Away)]
}

fn sites() -> impl Strategy<Value = Option<Domain>> {
    prop_oneof![Just(None), Just(site("a.example")), Just(site("b.example"))]
}

fn tabs(rows: Vec<Vec<Row<Option<Domain>>>>) -> Vec<Tabs> {
    let buckets = [
        "aw-watcher-web-firefox",
        "aw-watcher-web-chrome_host",
        "aw-watcher-web-firefox_host",
    ];
    let browser = |id: &str| Browser::of_bucket(id).expect("a browser");
    let of = |(id, rows): (&&str, _)| Tabs {
        browser: browser(id),
        rows,
    };
    buckets.iter().zip(rows).map(of).collect()
}

fn streams<W, P, T>(windows: W, presence: P, shown: T) -> impl Strategy<Value = Streams>
where
    W: Strategy<Value = Vec<Row<Option<AppName>>>>,
    P: Strategy<Value = Vec<Row<Presence>>>,
    T: Strategy<Value = Vec<Row<Option<Domain>>>>,
{
    let vecs = (
        prop::collection::vec(windows, 0..3),
        prop::collection::vec(presence, 0..3),
        prop::collection::vec(shown, 0..4),
    );
    vecs.prop_map(|(windows, presence, shown)| Streams {
        windows,
        presence,
        tabs: tabs(shown),
    })
}

fn any_streams() -> impl Strategy<Value = Streams> {
    streams(rows(windows()), rows(presences()), rows(sites()))
}

/// What is known of a stream before its watcher has sent the rest: some rows, and a part of the last.
fn before<T: Clone>(rows: &[Row<T>], share: usize) -> Vec<Row<T>> {
    let mut rows = rows[..rows.len() * share / 100].to_vec();
    if let Some(last) = rows.last_mut().filter(|_| share.is_multiple_of(2)) {
        last.end = last.start;
    }
    rows
}

proptest! {
    #[test]
    fn the_join_is_what_the_rows_say_of_each_second(streams in any_streams()) {
        prop_assert_eq!(joined(&streams.join(whole())), modelled(|second| label_at(&streams, second)));
    }

    #[test]
    fn sites_are_told_of_focus_that_is_known(streams in any_streams(), focus in rows(apps())) {
        let of = |second| {
            let app_name = seen_at(&focus, second, false)?;
            let tabs = streams.tabs.iter().filter(|tabs| tabs.browser.is(&app_name));
            let domain = tabs.filter_map(|tabs| seen_at(&tabs.rows, second, true).flatten()).max()?;
            Some(Label { app_name, domain: Some(domain) })
        };
        prop_assert_eq!(joined(&streams.sites(&focus, whole())), modelled(of));
    }

    #[test]
    fn what_comes_out_is_sorted_whole_and_of_any_order(streams in any_streams()) {
        let used = streams.join(whole());
        for pair in used.windows(2) {
            prop_assert!(pair[0].span.end() <= pair[1].span.start());
            prop_assert!(pair[0].span.end() < pair[1].span.start() || pair[0].label != pair[1].label);
        }
        let mut turned = streams.clone();
        turned.windows.iter_mut().for_each(|rows| rows.reverse());
        turned.presence.iter_mut().for_each(|rows| rows.reverse());
        turned.tabs.iter_mut().for_each(|tabs| tabs.rows.reverse());
        turned.windows.reverse();
        turned.tabs.reverse();
        prop_assert_eq!(turned.join(whole()), used);
    }

    #[test]
    fn a_part_of_the_time_needs_only_the_rows_near_it(streams in any_streams(), start in 0..SECONDS - 1, length in 1..SECONDS) {
        let within = Span::new(at(start), at((start + length).min(SECONDS))).expect("not empty");
        let near = |start: UnixMs, end: UnixMs| {
            let reach = within.widen(GAP_MAX_MS);
            end >= reach.start() && start <= reach.end()
        };
        let mut some = streams.clone();
        some.windows.iter_mut().for_each(|rows| rows.retain(|row| near(row.start, row.end)));
        some.presence.iter_mut().for_each(|rows| rows.retain(|row| near(row.start, row.end)));
        some.tabs.iter_mut().for_each(|tabs| tabs.rows.retain(|row| near(row.start, row.end)));
        let clip = |used: Used| Some(Used { span: used.span.clip(within)?, label: used.label });
        let part: Vec<Used> = streams.join(whole()).into_iter().filter_map(clip).collect();
        prop_assert_eq!(some.join(within), part);
    }

    /// What was claimed is never contradicted by what the watchers send afterwards, each in its own order: an instant only gets a greater label.
    #[test]
    fn knowing_more_only_adds(
        streams in streams(in_order(windows()), in_order(presences()), in_order(sites())),
        shares in prop::array::uniform3(0..=100_usize),
    ) {
        let earlier = Streams {
            windows: streams.windows.iter().map(|rows| before(rows, shares[0])).collect(),
            presence: streams.presence.iter().map(|rows| before(rows, shares[1])).collect(),
            tabs: streams.tabs.iter().map(|tabs| Tabs { browser: tabs.browser.clone(), rows: before(&tabs.rows, shares[2]) }).collect(),
        };
        let (earlier, later) = (joined(&earlier.join(whole())), joined(&streams.join(whole())));
        for (earlier, later) in earlier.iter().zip(&later) {
            prop_assert!(earlier <= later, "{earlier:?} was claimed of what is {later:?}");
        }
    }
}

// --- Heartbeats: the events they make in order, and in any order. ---

const PULSETIME_US: i64 = 3;

/// Events as `(start, end, state)`, kept as a store keeps them.
fn keep(events: &mut Vec<(i64, i64, u8)>, (start_us, end_us, state): (i64, i64, u8)) {
    events.sort_unstable();
    let next = events.partition_point(|event| event.0 <= start_us);
    let same = |event: Option<&(i64, i64, u8)>| {
        let (start_us, end_us, _) = *event.filter(|event| event.2 == state)?;
        Some(Stretch { start_us, end_us })
    };
    let fate = fate(Beat {
        stretch: Stretch { start_us, end_us },
        pulsetime_us: PULSETIME_US,
        before: same(next.checked_sub(1).map(|index| &events[index])),
        after: same(events.get(next)),
    });
    if fate.takes_after {
        events.remove(next);
    }
    let event = (fate.event.start_us, fate.event.end_us, state);
    if fate.grows_before {
        events[next - 1] = event;
    } else {
        events.push(event);
    }
}

/// States that do not come back within a pulsetime, each told by heartbeats that reach at most to the next.
fn heartbeats() -> impl Strategy<Value = Vec<(i64, i64, u8)>> {
    let state = (1..6_u8, prop::collection::vec((1..7_i64, 0..7_i64), 1..6));
    prop::collection::vec(state, 1..6).prop_map(|states| {
        let (mut now, mut last, mut beats) = (0, 0, Vec::new());
        for (step, gaps) in states {
            last = (last + step) % 6;
            now += PULSETIME_US;
            for (gap, length) in gaps {
                beats.push((now, now + length.min(gap), last));
                now += gap;
            }
        }
        beats
    })
}

proptest! {
    #[test]
    fn heartbeats_in_any_order_and_twice_make_the_events_of_the_ordered_run(
        (beats, shuffled) in heartbeats().prop_flat_map(|beats| {
            let twice: Vec<_> = beats.iter().chain(&beats).copied().collect();
            (Just(beats), Just(twice).prop_shuffle())
        }),
    ) {
        let made = |beats: &[(i64, i64, u8)]| {
            let mut events = Vec::new();
            for beat in beats {
                keep(&mut events, *beat);
            }
            events.sort_unstable();
            events
        };
        prop_assert_eq!(made(&shuffled), made(&beats));
    }
}
