//! What becomes of a heartbeat: ActivityWatch's merge rule, and what it means for one that comes late.
//!
//! The rule (aw-transform, `heartbeat`): into the event before it when the data is equal and `event.start <= beat.start <= event.end + pulsetime`;
//! the end becomes the later of both. Else it is an event of its own. ActivityWatch asks this of the bucket's last event alone, so there a late
//! heartbeat is always an event of its own. Here it is asked of the event that starts last at or before the heartbeat, which in order is the same
//! one, and then of the event after it: so a bucket whose state does not come back within a pulsetime has the same events in whatever order
//! its heartbeats came.

/// When an event was, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stretch {
    /// Since when.
    pub start_us: i64,
    /// Until when; not before `start_us`.
    pub end_us: i64,
}

/// A heartbeat between its neighbours.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// When it was.
    pub stretch: Stretch,
    /// How long its state lasts without another heartbeat.
    pub pulsetime_us: i64,
    /// The event that starts last at or before it, when its data is equal.
    pub before: Option<Stretch>,
    /// The event that starts first after it, when its data is equal.
    pub after: Option<Stretch>,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// The event that it is part of.
    pub event: Stretch,
    /// Whether that is the event before it, which grows; else it is a new one.
    pub grows_before: bool,
    /// Whether the event after it is part of it, too, and goes.
    pub takes_after: bool,
}

/// The rule. The events before and after do not change places by it.
#[must_use]
pub fn fate(beat: Beat) -> Fate {
    let reaches = |event: Stretch, next: Stretch| {
        event.start_us <= next.start_us && next.start_us <= event.end_us.saturating_add(beat.pulsetime_us)
    };
    let merged = |event: Stretch, next: Stretch| Stretch {
        start_us: event.start_us,
        end_us: event.end_us.max(next.end_us),
    };
    let before = beat.before.filter(|before| reaches(*before, beat.stretch));
    let event = before.map_or(beat.stretch, |before| merged(before, beat.stretch));
    let after = beat.after.filter(|after| reaches(event, *after));
    Fate {
        event: after.map_or(event, |after| merged(event, after)),
        grows_before: before.is_some(),
        takes_after: after.is_some(),
    }
}

/// A heartbeat among the events of its bucket: what it becomes part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<K> {
    /// The event that it is part of.
    pub event: Stretch,
    /// Which of those there are grows into it; none where it is a new one.
    pub grows: Option<K>,
    /// Which go, because they are part of it.
    pub takes: Vec<K>,
}

/// The same rule for a heartbeat that is long and late, which may be one with several of the events after it. `before` and `after` are as in [`Beat`]; those
/// after it stand in their order, up to the first whose data is not equal.
pub fn place<K>(
    stretch: Stretch,
    pulsetime_us: i64,
    before: Option<(K, Stretch)>,
    after: impl IntoIterator<Item = (K, Stretch)>,
) -> Placed<K> {
    let (grows, before) = before.unzip();
    let mut after = after.into_iter();
    let mut next = after.next();
    let mut beat = Beat {
        stretch,
        pulsetime_us,
        before,
        after: None,
    };
    let mut takes = Vec::new();
    loop {
        beat.after = next.as_ref().map(|(_, stretch)| *stretch);
        let fate = fate(beat);
        match next.take().filter(|_| fate.takes_after) {
            Some((key, _)) => takes.push(key),
            None => {
                return Placed {
                    event: fate.event,
                    grows: grows.filter(|_| fate.grows_before),
                    takes,
                };
            }
        }
        beat.stretch = fate.event;
        next = after.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(start_us: i64, end_us: i64) -> Stretch {
        Stretch { start_us, end_us }
    }

    fn of(beat: (i64, i64), before: Option<(i64, i64)>, after: Option<(i64, i64)>) -> ((i64, i64), bool, bool) {
        let fate = fate(Beat {
            stretch: stretch(beat.0, beat.1),
            pulsetime_us: 2_000,
            before: before.map(|(start, end)| stretch(start, end)),
            after: after.map(|(start, end)| stretch(start, end)),
        });
        (
            (fate.event.start_us, fate.event.end_us),
            fate.grows_before,
            fate.takes_after,
        )
    }

    #[test]
    fn it_grows_the_event_before_it_up_to_the_pulsetime_and_not_a_microsecond_more() {
        assert_eq!(
            of((12_000, 12_000), Some((0, 10_000)), None),
            ((0, 12_000), true, false)
        );
        assert_eq!(
            of((12_001, 12_001), Some((0, 10_000)), None),
            ((12_001, 12_001), false, false)
        );
        assert_eq!(of((5_000, 6_000), Some((0, 10_000)), None), ((0, 10_000), true, false));
        assert_eq!(of((0, 20_000), Some((0, 10_000)), None), ((0, 20_000), true, false));
        assert_eq!(of((7, 9), None, None), ((7, 9), false, false));
    }

    #[test]
    fn late_it_closes_the_gap_to_the_event_after_it() {
        assert_eq!(
            of((3_000, 3_000), None, Some((5_000, 9_000))),
            ((3_000, 9_000), false, true)
        );
        assert_eq!(
            of((3_000, 3_000), None, Some((5_001, 9_000))),
            ((3_000, 3_000), false, false)
        );
        assert_eq!(
            of((3_000, 3_000), Some((0, 2_000)), Some((4_000, 9_000))),
            ((0, 9_000), true, true)
        );
        assert_eq!(
            of((3_000, 9_500), Some((0, 2_000)), Some((4_000, 9_000))),
            ((0, 9_500), true, true)
        );
    }

    #[test]
    fn times_at_the_end_of_the_range_do_not_overflow() {
        let far = (i64::MAX - 1, i64::MAX);
        assert_eq!(of(far, Some(far), None), (far, true, false));
    }

    #[test]
    fn what_is_late_and_long_takes_all_that_it_reaches_and_no_more() {
        let after = [
            (1, stretch(4_000, 5_000)),
            (2, stretch(6_500, 7_000)),
            (3, stretch(9_001, 9_500)),
        ];
        let placed = place(stretch(3_000, 4_500), 2_000, Some((0, stretch(0, 2_000))), after);
        let expected = Placed {
            event: stretch(0, 7_000),
            grows: Some(0),
            takes: vec![1, 2],
        };
        assert_eq!(placed, expected);
        let alone = place::<u8>(stretch(3_000, 4_500), 2_000, None, []);
        assert_eq!(
            (alone.event, alone.grows, alone.takes),
            (stretch(3_000, 4_500), None, Vec::new())
        );
        let far = place(
            stretch(3_000, 4_500),
            2_000,
            Some((0, stretch(0, 999))),
            [(1, stretch(6_501, 7_000))],
        );
        assert_eq!(
            (far.event, far.grows, far.takes),
            (stretch(3_000, 4_500), None, Vec::new())
        );
    }
}
