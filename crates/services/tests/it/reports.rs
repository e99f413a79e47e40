//! Where time went.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::NaiveDate;
use domain::accounts::{DayStart, Email, EntryId, FullName, SecurityEntry, SecurityEvent, User, UserId};
use domain::reports::{Bridge, Dimension, SaidTotals, Stint, Zone};
use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Context, ContextText, HeartbeatPing, Kind, Label, Mention, Patience, Segment};
use ports::accounts::{PasswordHash, Users};
use ports::reports::TimelineReader;
use ports::usage::TimelineStore;
use ports::{Clock, PortError};
use services::reports::{Asked, ContextsQuestion, Reports, ReportsError, TimelinePeriod, TotalsQuestion};
use testkit::memory::accounts::MemoryAccounts;

use crate::world::{NOW, World, caller, ping, span};

pub async fn reports(world: &World, timezone: &str, day_start_secs: i64) -> Reports {
    let users = MemoryAccounts::default();
    let user = User {
        id: caller(1).user,
        email: Email::parse("ada@example.org").expect("valid"),
        full_name: FullName::parse("Ada").expect("valid"),
        timezone: timezone.parse().expect("a zone"),
        day_start: DayStart::from_secs(day_start_secs).expect("in range"),
        heartbeat_timeout: domain::usage::Patience::default(),
        created_at: NOW,
    };
    let entry = SecurityEntry {
        id: EntryId(user.id.0),
        user: Some(user.id),
        at: NOW,
        event: SecurityEvent::Registered,
        device: None,
        session: None,
        address: None,
        count: None,
    };
    let kept = users.insert(&user, &PasswordHash(String::new()), &entry).await;
    assert!(kept.expect("there"));
    Reports {
        reader: world.timelines.clone(),
        contexts: world.timelines.clone(),
        users: Arc::new(users),
        clock: world.clock.clone(),
    }
}

async fn merge(world: &World, app: &str, from_secs: i64, to_secs: i64) {
    world
        .timelines
        .merge(&[ping(app, from_secs, to_secs).sent_by(&caller(1))])
        .await
        .expect("there");
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect(text)
}

async fn seconds_by_day(reports: &Reports, question: TotalsQuestion) -> Vec<(String, i64)> {
    let answer = reports.totals(&caller(1), question).await.expect("answered");
    answer
        .days
        .iter()
        .map(|day| (day.date.to_string(), day.totals_ms.values().sum::<i64>() / 1_000))
        .collect()
}

/// Timelines that count how often they are read, and how much time at once.
struct Counted {
    timelines: Arc<dyn TimelineReader>,
    windows: Mutex<Vec<Span>>,
}

#[async_trait]
impl TimelineReader for Counted {
    async fn pieces(&self, user: UserId, window: Span) -> Result<Vec<Segment>, PortError> {
        self.timelines.pieces(user, window).await
    }

    async fn stints(&self, user: UserId, window: Span) -> Result<Vec<Stint>, PortError> {
        self.windows.lock().expect("nobody panicked").push(window);
        self.timelines.stints(user, window).await
    }
}

#[tokio::test]
async fn a_few_days_are_read_at_once_whatever_the_zone_and_a_year_in_parts() {
    let world = World::new();
    let days = |first, last| Asked::Range(date(first), date(last));
    for (zone, day_start_secs) in [
        ("Pacific/Kiritimati", 0),
        ("Pacific/Kiritimati", 86_399),
        ("Pacific/Pago_Pago", 0),
        ("Pacific/Pago_Pago", 86_399),
        ("Europe/Berlin", 4 * 3_600),
    ] {
        let mut reports = reports(&world, zone, day_start_secs).await;
        let counted = Arc::new(Counted {
            timelines: world.timelines.clone(),
            windows: Mutex::default(),
        });
        reports.reader = counted.clone();
        for (asked, reads) in [
            (Asked::Today, 1),
            (Asked::Date(date("2026-03-01")), 1),
            // The clock changes in Berlin.
            (Asked::Date(date("2026-10-25")), 1),
            (days("2026-02-23", "2026-03-01"), 1),
            (days("2026-01-01", "2026-02-28"), 2),
            (days("2025-03-01", "2026-02-28"), 3),
        ] {
            let question = TotalsQuestion {
                asked,
                bridge: Bridge::from_secs(Bridge::SECS_MAX).expect("in range"),
                ..TotalsQuestion::default()
            };
            seconds_by_day(&reports, question).await;
            let windows = std::mem::take(&mut *counted.windows.lock().expect("nobody panicked"));
            assert_eq!(windows.len(), reads, "{zone}, {day_start_secs}, {asked:?}: {windows:?}");
        }
    }
}

#[tokio::test]
async fn today_is_the_day_of_the_zone_asked_for() {
    let world = World::new();
    let reports = reports(&world, "Europe/Berlin", 0).await;
    // NOW is 09:00 UTC on March 1st: the 1st in Berlin, still the 28th in Honolulu... where it is 23:00.
    for (zone, day) in [(None, "2026-03-01"), (Some(Zone::Pacific__Honolulu), "2026-02-28")] {
        let answer = seconds_by_day(
            &reports,
            TotalsQuestion {
                zone,
                ..TotalsQuestion::default()
            },
        )
        .await;
        assert_eq!(answer, [(day.to_owned(), 0)]);
    }
}

#[tokio::test]
async fn a_segment_across_midnight_is_cut_and_the_days_add_up() {
    let world = World::new();
    let reports = reports(&world, "Europe/Berlin", 0).await;
    // Berlin's midnight is 23:00 UTC, ten hours before NOW.
    merge(&world, "Editor", -10 * 3_600 - 60, -10 * 3_600 + 120).await;
    let asked = Asked::Range(date("2026-02-28"), date("2026-03-01"));
    let by_day = seconds_by_day(
        &reports,
        TotalsQuestion {
            asked,
            ..TotalsQuestion::default()
        },
    )
    .await;
    assert_eq!(by_day, [("2026-02-28".to_owned(), 60), ("2026-03-01".to_owned(), 120)]);
}

#[tokio::test]
async fn a_day_starts_when_the_person_says() {
    let world = World::new();
    let reports = reports(&world, "UTC", 4 * 3_600).await;
    // 03:59:00 to 04:01:00.
    merge(&world, "Editor", -5 * 3_600 - 60, -5 * 3_600 + 60).await;
    let asked = Asked::Range(date("2026-02-28"), date("2026-03-01"));
    let by_day = seconds_by_day(
        &reports,
        TotalsQuestion {
            asked,
            ..TotalsQuestion::default()
        },
    )
    .await;
    assert_eq!(by_day, [("2026-02-28".to_owned(), 60), ("2026-03-01".to_owned(), 60)]);
}

#[tokio::test]
async fn a_gap_across_midnight_is_bridged_in_both_days() {
    let world = World::new();
    let reports = reports(&world, "UTC", 0).await;
    let midnight = -9 * 3_600;
    merge(&world, "Editor", midnight - 100, midnight - 10).await;
    merge(&world, "Editor", midnight + 10, midnight + 100).await;
    for (bridge_secs, expected) in [(0, (90, 90)), (19, (90, 90)), (20, (100, 100))] {
        let bridge = Bridge::from_secs(bridge_secs).expect("in range");
        for (day, expected) in [("2026-02-28", expected.0), ("2026-03-01", expected.1)] {
            let question = TotalsQuestion {
                asked: Asked::Date(date(day)),
                bridge,
                ..TotalsQuestion::default()
            };
            assert_eq!(
                seconds_by_day(&reports, question).await,
                [(day.to_owned(), expected)],
                "bridge of {bridge_secs} s"
            );
        }
    }
}

#[tokio::test]
async fn a_long_range_is_read_in_chunks_that_lose_and_repeat_nothing() {
    let world = World::new();
    let reports = reports(&world, "Asia/Kathmandu", 0).await;
    let days = 120;
    for day in 0..days {
        // Five hours across whatever lies between, every day.
        merge(&world, "Editor", -day * 86_400 - 5 * 3_600, -day * 86_400).await;
    }
    let asked = Asked::Range(date("2025-10-01"), date("2026-03-31"));
    let by_day = seconds_by_day(
        &reports,
        TotalsQuestion {
            asked,
            ..TotalsQuestion::default()
        },
    )
    .await;
    assert_eq!(by_day.iter().map(|(_, secs)| secs).sum::<i64>(), days * 5 * 3_600);
    assert_eq!(by_day.len(), 182);
}

#[tokio::test]
async fn a_date_that_never_was_holds_no_time_and_its_neighbours_hold_theirs() {
    let world = World::new();
    world.clock.set(UnixMs(1_325_300_000_000));
    let reports = reports(&world, "Pacific/Apia", 0).await;
    let second = |at_ms: i64| (at_ms - NOW.0) / 1_000;
    // Apia left out 2011-12-30: its 29th ended at 2011-12-30T10:00:00Z.
    let leap = second(1_325_239_200_000);
    merge(&world, "Editor", leap - 60, leap + 30).await;
    let asked = Asked::Range(date("2011-12-29"), date("2011-12-31"));
    let by_day = seconds_by_day(
        &reports,
        TotalsQuestion {
            asked,
            ..TotalsQuestion::default()
        },
    )
    .await;
    assert_eq!(
        by_day,
        [
            ("2011-12-29".to_owned(), 60),
            ("2011-12-30".to_owned(), 0),
            ("2011-12-31".to_owned(), 30)
        ]
    );
}

#[tokio::test]
async fn a_range_that_runs_backwards_or_is_too_long_is_refused_by_name() {
    let world = World::new();
    let reports = reports(&world, "UTC", 0).await;
    for (first, last, code) in [
        ("2026-03-02", "2026-03-01", "before_from"),
        ("2025-03-01", "2026-03-02", "too_long"),
    ] {
        let question = TotalsQuestion {
            asked: Asked::Range(date(first), date(last)),
            ..TotalsQuestion::default()
        };
        let Err(ReportsError::Invalid(faults)) = reports.totals(&caller(1), question).await else {
            panic!("refused")
        };
        assert_eq!((faults[0].field, faults[0].code), ("to", code));
    }
    let question = TotalsQuestion {
        asked: Asked::Range(date("2025-03-01"), date("2026-03-01")),
        ..TotalsQuestion::default()
    };
    assert_eq!(
        reports
            .totals(&caller(1), question)
            .await
            .expect("366 days are answered")
            .days
            .len(),
        366
    );
}

#[tokio::test]
async fn a_timeline_is_cut_to_what_was_asked_and_bridges_nothing() {
    let world = World::new();
    let reports = reports(&world, "UTC", 0).await;
    merge(&world, "Editor", -100, -50).await;
    merge(&world, "Editor", -45, -10).await;
    let asked = TimelinePeriod::Between(span(-60, -20));
    let answer = reports.timeline(&caller(1), asked, None).await.expect("answered");
    let spans: Vec<_> = answer.segments.iter().map(|segment| segment.span).collect();
    assert_eq!(spans, [span(-60, -50), span(-45, -20)]);
    let too_long = TimelinePeriod::Between(span(-31 * 86_400 - 1, 0));
    assert_eq!(
        reports
            .timeline(&caller(1), too_long, None)
            .await
            .expect_err("too long")
            .kind(),
        services::Kind::Invalid
    );
}

#[tokio::test]
async fn nobody_reads_without_an_account_and_nobody_elses_time() {
    let world = World::new();
    let reports = reports(&world, "UTC", 0).await;
    merge(&world, "Editor", -100, -50).await;
    let stranger = reports
        .totals(&caller(2), TotalsQuestion::default())
        .await
        .expect_err("no account");
    assert_eq!(stranger.kind(), services::Kind::Unauthenticated);
    assert_eq!(world.clock.now(), NOW);
}

/// Merges a heartbeat of the caller, so many seconds after [`NOW`].
async fn beat(world: &World, after_secs: i64, project: &str) {
    let context = Context {
        project: Some(Mention::Named(ContextText::trusted(project))),
        ..Context::of_kind(Kind::File)
    };
    let beat = HeartbeatPing {
        at: NOW.plus_ms(after_secs * 1_000),
        label: Label::trusted("Editor", None),
        attention: Attention::Active,
        context,
        patience: Patience::default(),
    };
    world.timelines.merge(&[beat.sent_by(&caller(1))]).await.expect("there");
}

#[tokio::test]
async fn neighbours_that_differ_in_their_heartbeats_alone_are_one_segment_and_sums_are_the_same() {
    let world = World::new();
    let reports = reports(&world, "UTC", 0).await;
    for (after, project) in [(-900, "one"), (-600, "one"), (-500, "two"), (-300, "two")] {
        beat(&world, after, project).await;
    }
    merge(&world, "Editor", -300, -200).await;
    let asked = TimelinePeriod::Days(Asked::Today);
    let timeline = reports.timeline(&caller(1), asked, None).await.expect("answered");
    let spans: Vec<_> = timeline.segments.iter().map(|segment| segment.span).collect();
    assert_eq!(spans, [span(-900, -200)]);
    let sums = seconds_by_day(&reports, TotalsQuestion::default()).await;
    assert_eq!(sums, [("2026-03-01".to_owned(), 700)]);
}

#[tokio::test]
async fn what_heartbeats_said_is_added_up_by_day_and_device_and_pings_say_nothing() {
    let world = World::new();
    let reports = reports(&world, "Europe/Berlin", 0).await;
    let midnight = -10 * 3_600;
    for (after, project) in [(midnight - 300, "one"), (midnight + 60, "two"), (midnight + 160, "two")] {
        beat(&world, after, project).await;
    }
    merge(&world, "Editor", -3_600, 0).await;
    let question = ContextsQuestion {
        asked: Asked::Range(date("2026-02-28"), date("2026-03-01")),
        ..ContextsQuestion::default()
    };
    let answer = reports.contexts(&caller(1), question).await.expect("answered");
    let by = |totals: &SaidTotals| {
        let by = totals.by(Dimension::Project).into_iter();
        by.map(|(name, ms)| (name.map(|name| name.as_str().to_owned()), ms / 1_000))
            .collect::<Vec<_>>()
    };
    let some = |name: &str| Some(name.to_owned());
    let days: Vec<_> = answer
        .days
        .iter()
        .map(|day| (day.date.to_string(), by(&day.totals)))
        .collect();
    assert_eq!(
        days,
        [
            ("2026-02-28".to_owned(), vec![(some("one"), 300)]),
            ("2026-03-01".to_owned(), vec![(some("two"), 100), (some("one"), 60)])
        ]
    );
    assert_eq!(by(&answer.sum()), [(some("one"), 360), (some("two"), 100)]);
    let other = ContextsQuestion {
        device: Some(caller(2).device),
        ..question
    };
    let answer = reports.contexts(&caller(1), other).await.expect("answered");
    assert_eq!(answer.sum().ms(), 0);
    let backwards = Asked::Range(date("2026-03-01"), date("2026-02-28"));
    let question = ContextsQuestion {
        asked: backwards,
        ..ContextsQuestion::default()
    };
    let refused = reports.contexts(&caller(1), question).await;
    assert!(matches!(refused, Err(ReportsError::Invalid(_))));
}
