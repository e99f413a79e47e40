//! The watch against a person whose every millisecond is known.

use super::*;

mod day;

const BASE: i64 = 1_772_355_600_000;
const IDLE_LIMIT_MS: i64 = 10_000;

fn pace() -> Pace {
    Pace {
        ping_every: Duration::from_secs(5),
        idle_limit: Duration::from_millis(IDLE_LIMIT_MS.unsigned_abs()),
    }
}

fn app(name: &str) -> AppName {
    AppName::parse(name).expect("a name")
}

fn look(wall_ms: i64, steady_ms: i64, app: Option<AppName>, idle_ms: i64) -> Look {
    Look {
        at: Moment {
            wall: UnixMs(BASE + wall_ms),
            steady: Duration::from_millis(steady_ms.unsigned_abs()),
        },
        app,
        idle: Duration::from_millis(idle_ms.unsigned_abs()),
    }
}

/// A moment so many milliseconds after the start, with both clocks in step.
fn moment(ms: i64) -> Moment {
    look(ms, ms, None, 0).at
}

/// Looks at `(seconds, application or "", idle seconds)` with both clocks in step, and the pings as `(application, from, to)` in seconds.
fn pings_of(looks: &[(i64, &str, i64)]) -> Vec<(String, i64, i64)> {
    let mut watch = Watch::new(pace());
    let mut pings = Vec::new();
    for (at, name, idle) in looks {
        let focused = (!name.is_empty()).then(|| app(name));
        pings.extend(watch.see(look(at * 1_000, at * 1_000, focused, idle * 1_000)));
    }
    pings.extend(watch.end());
    in_seconds(&pings)
}

fn in_seconds(pings: &[Ping]) -> Vec<(String, i64, i64)> {
    let seconds = |at: UnixMs| (at.0 - BASE) / 1_000;
    pings
        .iter()
        .map(|ping| {
            (
                ping.app.as_str().to_owned(),
                seconds(ping.span.start()),
                seconds(ping.span.end()),
            )
        })
        .collect()
}

fn expected(pings: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    pings
        .iter()
        .map(|(name, from, to)| ((*name).to_owned(), *from, *to))
        .collect()
}

#[test]
fn pings_are_contiguous_while_the_focus_moves() {
    let pings = pings_of(&[
        (0, "A", 0),
        (3, "A", 0),
        (5, "A", 0),
        (7, "B", 0),
        (9, "B", 0),
        (13, "A", 0),
        (14, "A", 0),
    ]);
    assert_eq!(
        pings,
        expected(&[("A", 0, 5), ("A", 5, 7), ("B", 7, 13), ("A", 13, 14)])
    );
}

#[test]
fn time_without_a_focused_application_is_a_gap() {
    let pings = pings_of(&[(0, "A", 0), (2, "", 0), (6, "A", 0), (8, "", 0)]);
    assert_eq!(pings, expected(&[("A", 0, 2), ("A", 6, 8)]));
}

#[test]
fn the_moment_between_two_windows_belongs_to_the_next_and_a_longer_one_to_none() {
    for (nothing_ms, start) in [(1, 2_000), (250, 2_000), (251, 2_251)] {
        let mut watch = Watch::new(pace());
        let mut pings = Vec::new();
        for (at, name) in [
            (0, Some("A")),
            (2_000, None),
            (2_000 + nothing_ms, Some("B")),
            (4_000, None),
            (4_100, None),
        ] {
            pings.extend(watch.see(look(at, at, name.map(app), 0)));
        }
        pings.extend(watch.end());
        let spans: Vec<_> = pings
            .iter()
            .map(|ping| (ping.span.start().0 - BASE, ping.span.end().0 - BASE))
            .collect();
        assert_eq!(spans, [(0, 2_000), (start, 4_000)]);
    }
}

#[test]
fn time_after_the_last_input_waits_for_the_next() {
    let mut watch = Watch::new(pace());
    assert_eq!(watch.see(look(0, 0, Some(app("A")), 0)), []);
    assert_eq!(watch.see(look(8_000, 8_000, Some(app("A")), 8_000)), []);
    let confirmed = watch.see(look(9_000, 9_000, Some(app("A")), 500));
    assert_eq!(confirmed.len(), 1);
    assert_eq!(confirmed[0].span.end(), UnixMs(BASE + 8_500));
}

#[test]
fn an_idle_person_was_away_since_the_last_input() {
    let pings = pings_of(&[
        (0, "A", 0),
        (6, "A", 2),
        (9, "B", 5),
        (14, "B", 10),
        (19, "B", 15),
        (24, "B", 1),
        (30, "B", 0),
    ]);
    assert_eq!(pings, expected(&[("A", 0, 4), ("B", 23, 30)]));
}

#[test]
fn a_person_who_is_idle_at_the_first_look_is_away_until_they_touch_something() {
    let pings = pings_of(&[(0, "A", 60), (5, "A", 65), (10, "A", 2), (15, "A", 0)]);
    assert_eq!(pings, expected(&[("A", 8, 15)]));
}

fn next(within_ms: impl Into<Option<u64>>, at_input: bool) -> Next {
    Next {
        within: within_ms.into().map(Duration::from_millis),
        at_input,
    }
}

#[test]
fn whoever_types_is_looked_at_once_a_ping_and_whoever_rests_when_they_go_on_or_are_away() {
    let mut watch = Watch::new(pace());
    assert_eq!(watch.next(), next(0, false));
    watch.see(look(0, 0, Some(app("A")), 0));
    assert_eq!(watch.next(), next(5_000, false));
    watch.see(look(4_000, 4_000, Some(app("A")), 999));
    assert_eq!(watch.next(), next(5_000, false));
    watch.see(look(4_001, 4_001, Some(app("A")), 1_000));
    assert_eq!(watch.next(), next(9_000, true));
    watch.see(look(13_001, 13_001, Some(app("A")), 10_000));
    assert_eq!(watch.next(), next(None, true), "away");
    watch.see(look(900_000, 900_000, Some(app("A")), 0));
    assert_eq!(watch.next(), next(5_000, false), "back");
}

#[test]
fn the_limit_is_looked_at_in_time_however_long_a_ping_is() {
    let mut watch = Watch::new(Pace {
        ping_every: Duration::from_mins(5),
        ..pace()
    });
    watch.see(look(0, 0, Some(app("A")), 500));
    assert_eq!(watch.next(), next(9_500, false));
}

#[test]
fn the_focus_moves_when_it_was_told_to_and_not_when_somebody_looked() {
    let mut watch = Watch::new(pace());
    let mut pings = watch.see(look(0, 0, Some(app("A")), 0));
    watch.moved(moment(2_000), Some(&app("B")));
    pings.extend(watch.see(look(2_900, 2_900, Some(app("B")), 0)));
    // What comes late was seen by the look before.
    watch.moved(moment(2_500), Some(&app("B")));
    watch.moved(moment(4_000), None);
    watch.moved(moment(4_100), Some(&app("A")));
    pings.extend(watch.see(look(5_000, 5_000, Some(app("A")), 0)));
    pings.extend(watch.end());
    assert_eq!(in_seconds(&pings), expected(&[("A", 0, 2), ("B", 2, 4), ("A", 4, 5)]));
}

#[test]
fn a_move_after_a_sleep_does_not_count_the_sleep() {
    let mut watch = Watch::new(pace());
    let mut pings = watch.see(look(0, 0, Some(app("A")), 0));
    pings.extend(watch.see(look(3_000, 3_000, Some(app("A")), 0)));
    let moved = Moment {
        wall: UnixMs(BASE + 9_000),
        ..moment(4_000)
    };
    watch.moved(moved, Some(&app("B")));
    pings.extend(watch.see(look(9_500, 4_500, Some(app("B")), 0)));
    pings.extend(watch.see(look(11_000, 6_000, Some(app("B")), 500)));
    pings.extend(watch.end());
    assert_eq!(in_seconds(&pings), expected(&[("A", 0, 3), ("B", 10, 11)]));
}

#[test]
fn a_hold_ends_the_time_at_its_moment_and_whoever_came_back_during_it_counts_from_its_end() {
    for (idle_secs, back) in [(1, 60), (39, 61)] {
        let mut watch = Watch::new(pace());
        let mut pings = watch.see(look(0, 0, Some(app("A")), 0));
        // The screen was locked a little before anybody looked, and the locker had the focus by then.
        pings.extend(watch.see(look(8_300, 8_300, Some(app("Locker")), 300)));
        pings.extend(watch.hold(moment(8_000)));
        assert_eq!(watch.next(), next(None, false));
        pings.extend(watch.see(look(40_000, 40_000, Some(app("Locker")), 0)));
        pings.extend(watch.hold(moment(41_000)));
        watch.release(moment(60_000));
        watch.release(moment(60_001));
        pings.extend(watch.see(look(60_000, 60_000, Some(app("A")), idle_secs * 1_000)));
        pings.extend(watch.see(look(61_000, 61_000, Some(app("A")), 0)));
        pings.extend(watch.see(look(65_000, 65_000, Some(app("A")), 0)));
        pings.extend(watch.end());
        let pings = in_seconds(&pings);
        let counted: i64 = pings.iter().map(|(_, from, to)| to - from).sum();
        assert_eq!(counted, 8 + 65 - back, "idle for {idle_secs} s: {pings:?}");
        assert!(pings.iter().all(|(app, ..)| app == "A"), "{pings:?}");
    }
}

#[test]
fn what_waited_when_a_hold_began_is_no_absence_if_somebody_is_back_in_time() {
    for (back, counted) in [(9, 5), (10, 0)] {
        let mut watch = Watch::new(pace());
        let mut pings = watch.see(look(0, 0, Some(app("A")), 0));
        pings.extend(watch.see(look(5_000, 5_000, Some(app("A")), 5_000)));
        pings.extend(watch.hold(moment(5_000)));
        assert_eq!(watch.next(), next(5_000, false), "to discard what waits");
        watch.release(moment(back * 1_000));
        pings.extend(watch.see(look(back * 1_000, back * 1_000, Some(app("A")), 0)));
        pings.extend(watch.end());
        let total_ms: i64 = pings.iter().map(|ping| ping.span.ms()).sum();
        assert_eq!(total_ms, counted * 1_000, "back after {back} s");
    }
}

#[test]
fn a_hold_outlives_sleep_and_a_clock_that_is_set_back() {
    for wall_ms in [8 * 3_600_000, -3_600_000] {
        let mut watch = Watch::new(pace());
        let mut pings = watch.see(look(0, 0, Some(app("A")), 0));
        pings.extend(watch.see(look(2_000, 2_000, Some(app("A")), 0)));
        pings.extend(watch.hold(moment(2_000)));
        pings.extend(watch.see(look(wall_ms, 3_000, Some(app("A")), 0)));
        pings.extend(watch.see(look(wall_ms + 2_000, 5_000, Some(app("A")), 0)));
        let at = look(wall_ms + 3_000, 6_000, Some(app("A")), 500);
        watch.release(at.at);
        pings.extend(watch.see(at));
        pings.extend(watch.see(look(wall_ms + 4_000, 7_000, Some(app("A")), 0)));
        pings.extend(watch.end());
        let spans: Vec<_> = pings
            .iter()
            .map(|ping| (ping.span.start().0 - BASE, ping.span.end().0 - BASE))
            .collect();
        assert_eq!(spans, [(0, 2_000), (wall_ms + 3_000, wall_ms + 4_000)]);
    }
}

#[test]
fn an_absence_between_two_late_looks_is_seen() {
    // Idle for 9 s, the look that was due after one more second came 9 s late, and there was an input just before it.
    let pings = pings_of(&[(0, "A", 0), (9, "A", 9), (18, "A", 1), (20, "A", 0)]);
    assert_eq!(pings, expected(&[("A", 17, 20)]));
}

#[test]
fn sleep_counts_for_nothing_and_the_run_starts_again_at_an_input() {
    let mut watch = Watch::new(pace());
    let a = || Some(app("A"));
    let mut pings = watch.see(look(0, 0, a(), 0));
    pings.extend(watch.see(look(3_000, 3_000, a(), 0)));
    // Eight hours on the wall, a second on the steady clock.
    let night_ms = 8 * 3_600_000;
    pings.extend(watch.see(look(4_000 + night_ms, 4_000, a(), 1_000)));
    pings.extend(watch.see(look(9_000 + night_ms, 9_000, a(), 6_000)));
    pings.extend(watch.see(look(11_000 + night_ms, 11_000, a(), 1_000)));
    pings.extend(watch.end());
    let morning = night_ms / 1_000;
    assert_eq!(
        in_seconds(&pings),
        expected(&[("A", 0, 3), ("A", morning + 10, morning + 11)])
    );
}

#[test]
fn reading_before_a_short_sleep_counts_if_the_whole_absence_was_short() {
    for (slept_ms, counted) in [(2_000, 4_000), (9_000, 0)] {
        let mut watch = Watch::new(pace());
        let a = || Some(app("A"));
        let mut pings = watch.see(look(0, 0, a(), 0));
        pings.extend(watch.see(look(4_000, 4_000, a(), 4_000)));
        pings.extend(watch.see(look(4_500 + slept_ms, 4_500, a(), 4_500)));
        assert_eq!(pings, []);
        pings.extend(watch.see(look(6_000 + slept_ms, 6_000, a(), 500)));
        let total_ms: i64 = pings.iter().map(|ping| ping.span.ms()).sum();
        assert_eq!(total_ms, counted, "slept {slept_ms}");
    }
}

#[test]
fn a_clock_set_back_by_hours_does_not_stop_the_count() {
    let mut watch = Watch::new(pace());
    let a = || Some(app("A"));
    let back_ms = -5 * 3_600_000;
    let mut pings = watch.see(look(0, 0, a(), 0));
    pings.extend(watch.see(look(3_000, 3_000, a(), 0)));
    pings.extend(watch.see(look(4_000 + back_ms, 4_000, a(), 0)));
    pings.extend(watch.see(look(5_000 + back_ms, 5_000, a(), 0)));
    pings.extend(watch.see(look(9_000 + back_ms, 9_000, a(), 0)));
    pings.extend(watch.end());
    let back = back_ms / 1_000;
    assert_eq!(in_seconds(&pings), expected(&[("A", 0, 3), ("A", back + 5, back + 9)]));
}

#[test]
fn silence_beyond_the_bound_is_not_counted() {
    let mut watch = Watch::new(Pace {
        idle_limit: Duration::from_mins(3),
        ..pace()
    });
    let a = || Some(app("A"));
    let mut pings = watch.see(look(0, 0, a(), 0));
    // Due after five seconds.
    pings.extend(watch.see(look(15_000, 15_000, a(), 0)));
    pings.extend(watch.see(look(30_001, 30_001, a(), 0)));
    pings.extend(watch.see(look(32_000, 32_000, a(), 0)));
    pings.extend(watch.end());
    assert_eq!(in_seconds(&pings), expected(&[("A", 0, 15)]), "at the bound it is");
}

#[test]
fn what_waits_is_bounded_and_what_is_given_up_is_counted() {
    let mut watch = Watch::new(Pace {
        idle_limit: Duration::from_hours(1),
        ..pace()
    });
    let looks = i64::try_from(HELD_MAX).expect("small") + 11;
    for at in 0..looks {
        let name = if at % 2 == 0 { "A" } else { "B" };
        assert_eq!(watch.see(look(at, at, Some(app(name)), at)), []);
    }
    assert_eq!(watch.forgotten(), 10);
    assert_eq!(watch.end().len(), HELD_MAX);
}
