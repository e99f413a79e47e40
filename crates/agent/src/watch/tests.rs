//! The watch against a person whose every millisecond is known.

use proptest::prelude::*;

use super::*;

const BASE: i64 = 1_772_355_600_000;
const IDLE_LIMIT_MS: i64 = 10_000;
const POLL_MS: i64 = 1_000;

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

#[test]
fn the_next_look_is_due_when_the_limit_would_be_reached() {
    let mut watch = Watch::new(pace());
    assert_eq!(watch.look_within(), None);
    watch.see(look(0, 0, Some(app("A")), 0));
    watch.see(look(4_000, 4_000, Some(app("A")), 4_000));
    assert_eq!(watch.look_within(), Some(Duration::from_secs(6)));
    watch.see(look(10_000, 10_000, Some(app("A")), 10_000));
    assert_eq!(watch.look_within(), None);
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
    pings.extend(watch.see(look(10_000, 10_000, a(), 0)));
    pings.extend(watch.see(look(20_001, 20_001, a(), 0)));
    pings.extend(watch.see(look(21_000, 21_000, a(), 0)));
    pings.extend(watch.end());
    assert_eq!(in_seconds(&pings), expected(&[("A", 0, 10)]), "at the bound it is");
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

/// What happens to a simulated person's machine.
#[derive(Debug, Clone, Copy)]
enum Act {
    Focus(Option<u8>),
    Input,
    Sleep(i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => proptest::option::weighted(0.8, 0..3_u8).prop_map(Act::Focus),
        6 => Just(Act::Input),
        1 => (1_100..40_000_i64).prop_map(Act::Sleep),
    ]
}

/// A day in the life of the machine: per millisecond that it was awake, the focused application and the wall clock.
struct Day {
    focus: Vec<Option<u8>>,
    wall: Vec<i64>,
    /// Steady milliseconds; the first is before the day.
    inputs: Vec<i64>,
    sleeps: Vec<i64>,
    pings: Vec<Ping>,
}

fn name_of(focus: Option<u8>) -> Option<AppName> {
    focus.map(|index| app(["A", "B", "C"][usize::from(index)]))
}

fn live(idle_at_start_ms: i64, acts: &[(i64, Act)]) -> Day {
    let mut watch = Watch::new(pace());
    let mut day = Day {
        focus: Vec::new(),
        wall: Vec::new(),
        inputs: vec![-idle_at_start_ms],
        sleeps: Vec::new(),
        pings: Vec::new(),
    };
    let (mut focus, mut slept, mut look_due) = (Some(0), 0, 0);
    let mut acts = acts.iter().scan(0, |at, (gap, act)| {
        *at += gap;
        Some((*at, *act))
    });
    let mut next = acts.next();
    let mut now = 0;
    loop {
        let mut look_now = now >= look_due;
        while let Some((_, act)) = next.filter(|(at, _)| *at == now) {
            match act {
                Act::Focus(to) => {
                    look_now |= focus != to;
                    focus = to;
                }
                Act::Input => day.inputs.push(now),
                Act::Sleep(ms) => {
                    slept += ms;
                    day.sleeps.push(now);
                }
            }
            next = acts.next();
        }
        let ended = next.is_none();
        if look_now || ended {
            let idle_ms = now - day.inputs.last().expect("one before the day");
            let at = look(now + slept, now, name_of(focus), idle_ms);
            day.pings.extend(watch.see(at));
            let within = watch.look_within().map_or(POLL_MS, ms);
            look_due = now + within.clamp(1, POLL_MS);
        }
        if ended {
            day.pings.extend(watch.end());
            day.hand_over(focus);
            return day;
        }
        day.focus.push(focus);
        day.wall.push(now + slept);
        now += 1;
    }
}

impl Day {
    fn wall_at(&self, steady: i64) -> i64 {
        match usize::try_from(steady) {
            Ok(index) if index < self.wall.len() => self.wall[index],
            // The end of the day, and before its start, where nothing slept.
            Ok(index) => {
                self.wall.last().map_or(steady, |last| last + 1)
                    + i64::try_from(index - self.wall.len()).expect("small")
            }
            Err(_) => steady,
        }
    }

    fn end(&self) -> i64 {
        i64::try_from(self.focus.len()).expect("small")
    }

    fn input_before(&self, at: i64) -> i64 {
        let after = self.inputs.partition_point(|input| *input <= at);
        self.inputs[after.max(1) - 1]
    }

    fn input_from(&self, at: i64) -> i64 {
        let index = self.inputs.partition_point(|input| *input < at);
        self.inputs.get(index).copied().unwrap_or(self.end())
    }

    /// Gives the moments in which the focus is handed over to the application that gets it, as the watch does.
    fn hand_over(&mut self, last: Option<u8>) {
        let (mut since, bound) = (0, usize::try_from(ms(HANDOVER_MAX)).expect("small"));
        for at in 0..=self.focus.len() {
            let focus = self.focus.get(at).copied().unwrap_or(last);
            if focus.is_some() {
                // A day that begins without a focus has nothing to hand over.
                if since > 0 && at - since <= bound {
                    self.focus[since..at].fill(focus);
                }
                since = at + 1;
            }
        }
    }

    /// The application that may have this millisecond: focused, the person there, no sleep since their last input.
    fn allowed(&self, at: i64) -> Option<u8> {
        let (before, after) = (self.input_before(at), self.input_from(at + 1));
        let slept = self.sleeps.iter().any(|sleep| (before..=at).contains(sleep));
        let away = self.wall_at(after) - self.wall_at(before) >= IDLE_LIMIT_MS;
        self.focus[usize::try_from(at).expect("within the day")].filter(|_| !slept && !away)
    }

    /// The stretches in which time may be lost: a poll's width around a sleep and when the person comes back; and all that waits, when the look at
    /// the very limit sees an input of that millisecond, and so not whether there was another since the look before.
    fn uncertain(&self) -> Vec<(i64, i64)> {
        let sleeps = self.sleeps.iter().map(|sleep| {
            let back = self.input_from(sleep + POLL_MS + 1);
            (self.input_before(sleep - POLL_MS - 1), back + POLL_MS + 1)
        });
        let returns = self.inputs.windows(2).filter_map(|pair| {
            let away = self.wall_at(pair[1]) - self.wall_at(pair[0]) >= IDLE_LIMIT_MS;
            away.then_some((pair[1], pair[1] + POLL_MS + 1))
        });
        let limits = self.inputs.iter().filter_map(|input| {
            let limit = input + IDLE_LIMIT_MS;
            self.inputs.binary_search(&limit).ok().map(|_| (*input, limit + 1))
        });
        sleeps.chain(returns).chain(limits).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Never idle or sleeping time, never an overlap, the right application, and nothing lost beyond a poll where a person comes back.
    #[test]
    fn pings_are_what_the_person_did(
        idle_at_start_ms in prop_oneof![Just(0_i64), 0..20_000_i64],
        acts in proptest::collection::vec((prop_oneof![1 => 1..300_i64, 3 => 1..6_000_i64], act()), 1..40),
    ) {
        let day = live(idle_at_start_ms, &acts);
        let mut counted: Vec<Option<u8>> = vec![None; day.focus.len()];
        let mut until = i64::MIN;
        for ping in &day.pings {
            let (start, end) = (ping.span.start().0 - BASE, ping.span.end().0 - BASE);
            prop_assert!(until <= start, "{ping:?} overlaps the one before");
            until = end;
            for wall in start..end {
                let index = day.wall.binary_search(&wall);
                prop_assert!(index.is_ok(), "{ping:?} counts sleep");
                let index = index.expect("just checked");
                counted[index] = (0..3).find(|i| name_of(Some(*i)).as_ref() == Some(&ping.app));
            }
        }
        let uncertain = day.uncertain();
        for (at, counted) in (0..).zip(&counted) {
            let allowed = day.allowed(at);
            if counted.is_some() {
                prop_assert_eq!(*counted, allowed, "at {} ms", at);
            } else if allowed.is_some() {
                prop_assert!(uncertain.iter().any(|(from, to)| (*from..*to).contains(&at)), "lost the time at {} ms", at);
            }
        }
    }

    /// Whatever the clocks say, no more is counted than the steady clock ran, and without a clock set back nothing overlaps.
    #[test]
    fn no_clock_creates_time(
        looks in proptest::collection::vec(
            (0..12_000_i64, prop_oneof![6 => Just(0_i64), 2 => -1_500..1_500_i64, 1 => -90_000..90_000_i64], proptest::option::of(0..3_u8), 0..15_000_i64),
            1..200,
        ),
    ) {
        let mut watch = Watch::new(pace());
        let (mut wall, mut steady, mut set_back, mut pings) = (0, 0, false, Vec::new());
        for (passed, parted, focus, idle) in &looks {
            wall += passed + parted;
            steady += passed;
            set_back |= *parted < -ms(CLOCK_SLACK);
            pings.extend(watch.see(look(wall, steady, name_of(*focus), *idle)));
        }
        pings.extend(watch.end());
        let counted: i64 = pings.iter().map(|ping| ping.span.ms()).sum();
        let slack = ms(CLOCK_SLACK) * i64::try_from(looks.len()).expect("small");
        prop_assert!(counted <= steady + slack);
        if !set_back {
            prop_assert!(pings.windows(2).all(|pair| pair[0].span.end() <= pair[1].span.start()));
        }
    }
}
