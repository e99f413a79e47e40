//! The watch against a person whose every millisecond is known.

use proptest::prelude::*;

use super::*;

/// What happens to a simulated person's machine.
#[derive(Debug, Clone, Copy)]
enum Act {
    Focus(Option<u8>),
    Input,
    /// The machine sleeps, and nobody says so.
    Sleep(i64),
    /// The screen is locked, or unlocked.
    Lock,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => proptest::option::weighted(0.8, 0..3_u8).prop_map(Act::Focus),
        6 => Just(Act::Input),
        1 => (1_100..40_000_i64).prop_map(Act::Sleep),
        2 => Just(Act::Lock),
    ]
}

/// A day in the life of the machine: per millisecond that it was awake, the focused application and the wall clock.
struct Day {
    focus: Vec<Option<u8>>,
    wall: Vec<i64>,
    /// Steady milliseconds; the first is before the day.
    inputs: Vec<i64>,
    sleeps: Vec<i64>,
    /// When the screen was locked and when unlocked, in turn.
    locks: Vec<i64>,
    pings: Vec<Ping>,
    /// Where nothing had the focus, and it is given to the application that got it next.
    handed_over: Vec<(i64, i64)>,
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
        locks: Vec::new(),
        pings: Vec::new(),
        handed_over: Vec::new(),
    };
    let (mut focus, mut slept) = (Some(0), 0);
    let mut next = Some(0);
    let mut at_input = false;
    let mut acts = acts.iter().scan(0, |at, (gap, act)| {
        *at += gap;
        Some((*at, *act))
    });
    let mut act = acts.next();
    for now in 0.. {
        let mut look_now = next.is_some_and(|due| due <= now);
        let mut locked = None;
        while let Some((_, done)) = act.filter(|(at, _)| *at == now) {
            let at = look(now + slept, now, None, 0).at;
            match done {
                Act::Focus(to) => {
                    look_now |= focus != to;
                    focus = to;
                    watch.moved(at, name_of(to).as_ref());
                }
                Act::Input => {
                    look_now |= at_input;
                    day.inputs.push(now);
                }
                Act::Sleep(ms) => {
                    slept += ms;
                    day.sleeps.push(now);
                }
                Act::Lock => {
                    day.locks.push(now);
                    locked = Some(at);
                }
            }
            act = acts.next();
        }
        let is_locked = day.locks.len() % 2 == 1;
        if let Some(at) = locked.filter(|_| !is_locked) {
            watch.release(at);
        }
        if look_now || locked.is_some() || act.is_none() {
            let idle_ms = now - day.inputs.last().expect("one before the day");
            day.pings
                .extend(watch.see(look(now + slept, now, name_of(focus), idle_ms)));
            if let Some(at) = locked.filter(|_| is_locked) {
                day.pings.extend(watch.hold(at));
            }
            let due = watch.next();
            next = due.within.map(|within| now + ms(within).max(1));
            at_input = due.at_input;
        }
        if act.is_none() {
            break;
        }
        day.focus.push(focus);
        day.wall.push(now + slept);
    }
    day.pings.extend(watch.end());
    day.hand_over(focus);
    day
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
                    let index = |at: usize| i64::try_from(at).expect("small");
                    self.handed_over.push((index(since), index(at)));
                }
                since = at + 1;
            }
        }
    }

    /// The application that may have this millisecond: focused, the person there, no sleep since their last input, and no lock that they did not open.
    fn allowed(&self, at: i64) -> Option<u8> {
        let (before, after) = (self.input_before(at), self.input_from(at + 1));
        let slept = self.sleeps.iter().any(|sleep| (before..=at).contains(sleep));
        let away = self.wall_at(after) - self.wall_at(before) >= IDLE_LIMIT_MS;
        let locks = self.locks.partition_point(|lock| *lock <= at);
        let locked = locks % 2 == 1 || locks > 0 && before <= self.locks[locks - 2];
        self.focus[usize::try_from(at).expect("within the day")].filter(|_| !slept && !away && !locked)
    }

    /// The stretches in which time may be lost: what nobody looked at before and after a sleep; and all that waits, when the look at the very limit sees
    /// an input of that millisecond, and so not whether there was another since the look before; and what waits for an input when the screen is locked,
    /// and gets it before the screen is open again; and the moment without a focus in which somebody comes back.
    fn uncertain(&self) -> Vec<(i64, i64)> {
        let sleeps = self.sleeps.iter().map(|sleep| {
            let opened = self
                .locks
                .chunks(2)
                .find_map(|lock| lock.get(1).filter(|opened| lock[0] <= *sleep && sleep <= opened));
            let back = self.input_from(opened.copied().unwrap_or(*sleep).max(sleep + IDLE_LIMIT_MS) + 1);
            let again = self.input_from(back + 1);
            (self.input_before(sleep - IDLE_LIMIT_MS - 1), again + ms(QUIET) + 1)
        });
        let limits = self.inputs.iter().filter_map(|input| {
            let limit = input + IDLE_LIMIT_MS;
            self.inputs.binary_search(&limit).ok().map(|_| (*input, limit + 1))
        });
        let locks = self.locks.chunks(2).map(|lock| {
            let until = lock.get(1).copied().unwrap_or(self.end());
            let touched = self.input_from(lock[0]) <= until;
            (self.input_before(lock[0]), if touched { lock[0] } else { 0 })
        });
        let returns = self.inputs.windows(2).filter_map(|pair| {
            let away = self.wall_at(pair[1]) - self.wall_at(pair[0]) >= IDLE_LIMIT_MS;
            away.then_some(pair[1])
        });
        let backs: Vec<i64> = returns
            .chain(self.locks.iter().copied())
            .chain(self.inputs.iter().copied().filter(|input| {
                self.locks
                    .iter()
                    .any(|lock| lock <= input && self.input_from(lock + 1) >= *input)
            }))
            .collect();
        let handed = self
            .handed_over
            .iter()
            .copied()
            .filter(|(start, end)| backs.iter().any(|back| (start..=end).contains(&back)));
        sleeps.chain(limits).chain(locks).chain(handed).collect()
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
        let mut input = i64::MIN;
        for (passed, parted, focus, idle) in &looks {
            wall += passed + parted;
            steady += passed;
            input = input.max(steady - idle);
            let idle = &(steady - input);
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
