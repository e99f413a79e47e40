//! Sums of what is read from Postgres are those of the timeline that the law makes of the same claims: in every zone, on days on which clocks change, bridged or
//! not, of one device or of all.

use adapters::postgres::Timelines;
use chrono::{Days as CalendarDays, NaiveDate};
use domain::accounts::{DayStart, DeviceId, UserId};
use domain::reports::{Bridge, Days, LabelTotals, Stint, Tally};
use domain::time::{DAY_MS, Span};
use domain::usage::{Arrival, Attention, Claim, Holder, Label, Rank, Segment, Timeline};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use uuid::Uuid;

use super::{api_pool, database};

/// A zone, when its days start, and a day on which its clocks change; the last has no midnight, or two.
const DAYS: [(&str, i64, &str); 6] = [
    ("America/New_York", 0, "2026-03-08"),
    ("America/New_York", 4 * 3_600, "2026-11-01"),
    ("Africa/Cairo", 0, "2026-04-24"),
    ("America/Havana", 0, "2026-11-01"),
    ("Australia/Lord_Howe", 0, "2026-04-05"),
    ("Asia/Kathmandu", 0, "2026-03-01"),
];
/// How much is read at once here: not a whole number of days, so that pieces and gaps are cut anywhere.
const CHUNK_MS: i64 = 7 * 3_600_000 + 1;

/// A source of numbers that is the same for a seed (Marsaglia, "Xorshift RNGs", 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 % bound).expect("small")
    }

    /// Pings of two devices and three labels within `span`; some touch, some overlap, and gaps are of every length that bridges tell apart.
    fn pings(&mut self, user: UserId, span: Span) -> Vec<Segment> {
        let mut pings = Vec::new();
        let mut at = span.start();
        while at < span.end() {
            let length = [5_000, 60_000, 1_800_000, 20_000_000][usize::try_from(self.below(4)).expect("an index")];
            let end = at.plus_ms(1 + self.below(length));
            let rank = Rank {
                attention: [Attention::Passive, Attention::Active][usize::from(self.below(3) > 0)],
                precedence: 1,
                device: device(user, u128::from(self.below(2) > 0)),
                beat: None,
            };
            let label =
                [("a", None), ("a", Some("x.org")), ("b", None)][usize::try_from(self.below(3)).expect("an index")];
            pings.push(Segment {
                span: Span::new(at, end).expect("not empty"),
                holder: Holder {
                    rank,
                    label: Label::trusted(label.0, label.1),
                },
            });
            let gap = [0, 30_000, 30_001, 3_600_000, -2_000_000, 4_000_000]
                [usize::try_from(self.below(6)).expect("an index")];
            at = end.plus_ms(gap.max(1 - (end.0 - at.0)));
        }
        pings
    }
}

fn device(user: UserId, which: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(user.0.as_u128() * 10 + which))
}

/// The day before, that day and the day after.
fn windows(days: Days, date: NaiveDate) -> Vec<Span> {
    let first = date - CalendarDays::new(1);
    first.iter_days().take(3).filter_map(|date| days.span(date)).collect()
}

fn sums(
    stints: impl IntoIterator<Item = Stint>,
    windows: &[Span],
    (bridge, device): (Bridge, Option<DeviceId>),
) -> Vec<(Span, LabelTotals)> {
    let mut tally = Tally::new(windows.to_vec(), bridge).of_device(device);
    for stint in stints {
        tally.push(&stint);
    }
    tally.into_totals_ms()
}

/// What is stored of `user` in `span`, chunk by chunk.
async fn read(timelines: &Timelines, user: UserId, span: Span) -> Vec<Stint> {
    let mut stints = Vec::new();
    let mut from = span.start();
    while let Some(chunk) = Span::new(from, from.plus_ms(CHUNK_MS).min(span.end())) {
        for stint in timelines.stints(user, chunk).await.expect("read") {
            let span = stint.span.clip(chunk).expect("within the chunk");
            stints.push(Stint { span, ..stint });
        }
        from = chunk.end();
    }
    stints
}

#[tokio::test]
async fn sums_of_what_is_read_are_those_of_the_timeline_itself() {
    let (server, database) = database().await;
    let (worker, api) = (Timelines::new(database), Timelines::new(api_pool(&server)));
    for (number, (zone, day_start_secs, date)) in (1..).zip(DAYS) {
        let user = UserId(Uuid::from_u128(number));
        let days = Days {
            zone: zone.parse().expect(zone),
            day_start: DayStart::from_secs(day_start_secs).expect("in range"),
        };
        let windows = windows(days, date.parse().expect(date));
        let whole = Span::new(windows[0].start(), windows[windows.len() - 1].end()).expect("not empty");
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ u64::try_from(number).expect("small"));
        let pings = dice.pings(user, whole.widen(DAY_MS / 4));
        let arrival = |segment: &Segment| Arrival::Claim {
            claim: Claim {
                user,
                segment: segment.clone(),
            },
            seq: None,
        };
        let arrivals: Vec<_> = pings.iter().map(arrival).collect();
        for batch in arrivals.chunks(7) {
            worker.merge(batch).await.expect("merge");
        }
        let timeline = Timeline::of(pings);
        for bridge_secs in [0, 30, 3_600] {
            let bridge = Bridge::from_secs(bridge_secs).expect("in range");
            let stored = read(&api, user, whole.widen(bridge.ms())).await;
            for only in [None, Some(device(user, 0)), Some(device(user, 1))] {
                let expected = sums(timeline.segments().iter().map(Stint::from), &windows, (bridge, only));
                let counted = sums(stored.iter().cloned(), &windows, (bridge, only));
                assert_eq!(counted, expected, "{zone} {date}, bridge {bridge_secs} s, {only:?}");
                let total: i64 = counted.iter().flat_map(|(_, totals)| totals.values()).sum();
                assert!(total > 0, "{zone} {date}: nothing was counted");
            }
        }
    }
}
