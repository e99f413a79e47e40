//! All that heartbeats hold of a person's time, read in chunks.

use domain::accounts::Caller;
use domain::usage::{Attention, Context, ContextText, HeartbeatPing, Kind, Label, Mention, Patience};
use ports::usage::TimelineStore;
use services::reports::AllTime;

use crate::reports::reports;
use crate::world::{NOW, World, caller};

const DAY_SECS: i64 = 86_400;

/// Two heartbeats a minute apart, the first so many seconds after the present instant.
async fn minute(world: &World, project: &str, from_secs: i64) {
    let beats = [from_secs, from_secs + 60].map(|secs| {
        let named = ContextText::parse("project", project).map(Mention::Named);
        let beat = HeartbeatPing {
            at: NOW.plus_ms(1_000 * secs),
            label: Label::trusted("Editor", None),
            attention: Attention::Active,
            context: Context {
                project: named.ok(),
                ..Context::of_kind(Kind::File)
            },
            patience: Patience::default(),
        };
        beat.sent_by(&caller(1))
    });
    world.timelines.merge(&beats).await.expect("there");
}

async fn all_time(world: &World, timezone: &str) -> AllTime {
    let who: Caller = caller(1);
    let answer = reports(world, timezone, 0).await.all_time(&who).await;
    answer.expect("answered").1
}

#[tokio::test]
async fn nothing_is_all_that_somebody_without_heartbeats_has() {
    assert_eq!(all_time(&World::new(), "UTC").await, AllTime::default());
}

#[tokio::test]
async fn every_stretch_counts_once_wherever_it_is_cut() {
    let world = World::new();
    // Every half hour of some days, so that the end of a chunk lies in one of them: the first begins with the first heartbeat.
    minute(&world, "daybook", -61 * DAY_SECS).await;
    let starts = (-2 * 48..48).map(|half| 1_800 * half);
    let around_the_cut = starts.map(|secs| secs - 30 * DAY_SECS - 30);
    for from_secs in around_the_cut {
        minute(&world, "daybook", from_secs).await;
    }
    let all = all_time(&world, "UTC").await;
    assert_eq!(all.totals.ms(), 145 * 60_000);
    assert_eq!(all.days_ms.values().sum::<i64>(), 145 * 60_000);
    assert_eq!(all.first, Some(NOW.plus_ms(1_000 * -61 * DAY_SECS)));
}

#[tokio::test]
async fn a_project_lasts_from_its_first_stretch_to_its_last_and_days_are_the_persons() {
    let world = World::new();
    minute(&world, "old", -80 * DAY_SECS).await;
    minute(&world, "new", -40 * DAY_SECS).await;
    // Berlin's midnight is ten hours before NOW.
    minute(&world, "new", -10 * 3_600 - 20).await;
    let all = all_time(&world, "Europe/Berlin").await;
    let projects = all.projects.iter().map(|project| {
        let secs = |at: domain::time::UnixMs| (at.0 - NOW.0) / 1_000;
        (project.name.as_str(), secs(project.first), secs(project.last))
    });
    assert_eq!(
        projects.collect::<Vec<_>>(),
        [
            ("new", -40 * DAY_SECS, -10 * 3_600 + 40),
            ("old", -80 * DAY_SECS, -80 * DAY_SECS + 60),
        ]
    );
    let days = all.days_ms.iter().map(|(date, ms)| (date.to_string(), ms / 1_000));
    let days: Vec<_> = days.collect();
    let days: Vec<_> = days.iter().map(|(date, secs)| (date.as_str(), *secs)).collect();
    assert_eq!(
        days,
        [
            ("2025-12-11", 60),
            ("2026-01-20", 60),
            ("2026-02-28", 20),
            ("2026-03-01", 40)
        ]
    );
}

#[tokio::test]
async fn what_lies_years_before_somebody_registered_counts_too() {
    let world = World::new();
    minute(&world, "near", -300 * DAY_SECS).await;
    minute(&world, "far", -9 * 366 * DAY_SECS).await;
    let all = all_time(&world, "UTC").await;
    let names: Vec<_> = all.projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ["far", "near"]);
    assert_eq!(all.first, Some(NOW.plus_ms(1_000 * -9 * 366 * DAY_SECS)));
}
