//! Reports, which must add up: seconds per day, zone and application against the measure of the union of all claims, computed here from the ledger alone.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::time::{Span, UnixMs};
use domain::usage::Segment;
use serde_json::Value;
use testkit::runs::Failure;

use super::Claimed;
use super::api::Api;
use super::days::Calendar;
use crate::ledger::now;
use crate::trackers::{ZONES, clock_changes};

/// Milliseconds by application.
type ByApp = BTreeMap<String, i64>;

/// What a stretch of time must add up to: all of it, and by application.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Expected {
    /// The least and the most: they differ where something is unknown.
    least_ms: i64,
    most_ms: i64,
    /// None where something is unknown, as nobody can tell who holds what.
    by_app: Option<ByApp>,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Said {
    total_ms: i64,
    by_app: ByApp,
}

/// What does not add up.
pub(super) async fn check(
    api: &mut Api,
    token: &str,
    calendar: &mut Calendar,
    claimed: &Claimed,
) -> Result<Vec<String>, Failure> {
    let sums = Sums::of(claimed);
    let mut differs = Vec::new();
    for zone in ZONES {
        let days = calendar.days(zone);
        let (Some((first, whole)), Some((last, end))) = (days.first_key_value(), days.last_key_value()) else {
            continue;
        };
        let path = format!("/api/v1/report/days?from={first}&to={last}&tz={zone}&bridge=0");
        let answer = api.get(&path, token).await?;
        differs.extend(of_days(&answer, &path, days, &sums)?);

        let path = format!("/api/v1/report/apps?from={first}&to={last}&tz={zone}&bridge=0");
        let all = Span::new(whole.start(), end.end());
        differs.extend(of_apps(api, token, &path, &sums.within(all)).await?);
        for date in changing(zone) {
            let path = format!("/api/v1/report/apps?date={date}&tz={zone}&bridge=0");
            differs.extend(of_apps(api, token, &path, &sums.within(days.get(&date).copied())).await?);
        }
    }
    Ok(differs)
}

/// The local days on which clocks change.
fn changing(zone: Tz) -> Vec<NaiveDate> {
    let date = |at: &UnixMs| at.to_utc().map(|at| at.with_timezone(&zone).date_naive());
    clock_changes(zone, now()).iter().filter_map(date).collect()
}

async fn of_apps(api: &mut Api, token: &str, path: &str, expected: &Expected) -> Result<Option<String>, Failure> {
    let answer = api.get(path, token).await?;
    let said = read(&answer, "total_seconds").ok_or_else(|| unreadable(path))?;
    Ok(differs(path, &said, expected))
}

fn of_days(answer: &Value, path: &str, days: &BTreeMap<NaiveDate, Span>, sums: &Sums) -> Result<Vec<String>, Failure> {
    let said = answer["days"].as_array().ok_or_else(|| unreadable(path))?;
    let mut wrong = Vec::new();
    if said.len() != days.len() {
        wrong.push(format!("{path} has {} days, and there are {}", said.len(), days.len()));
    }
    for (answer, (date, span)) in said.iter().zip(days) {
        let told = read(answer, "seconds").ok_or_else(|| unreadable(path))?;
        if answer["date"].as_str() != Some(date.to_string().as_str()) {
            wrong.push(format!("{path} has {} where {date} should be", answer["date"]));
        }
        wrong.extend(differs(&format!("{path}, {date}"), &told, &sums.within(Some(*span))));
    }
    Ok(wrong)
}

fn differs(path: &str, said: &Said, expected: &Expected) -> Option<String> {
    let Expected {
        least_ms,
        most_ms,
        by_app,
    } = expected;
    let parts_ms: i64 = said.by_app.values().sum();
    if parts_ms != said.total_ms {
        return Some(format!(
            "{path} says {} ms, and its parts are {parts_ms} ms",
            said.total_ms
        ));
    }
    if !(*least_ms..=*most_ms).contains(&said.total_ms) {
        return Some(format!(
            "{path} says {} ms, and {least_ms} to {most_ms} ms were claimed",
            said.total_ms
        ));
    }
    let by_app = by_app.as_ref()?;
    (*by_app != said.by_app).then(|| format!("{path} says {:?} (ms), and it is {by_app:?}", said.by_app))
}

/// A report or a day of one; none where it is of another shape.
fn read(answer: &Value, total: &str) -> Option<Said> {
    let item = |item: &Value| Some((item["app_name"].as_str()?.to_owned(), ms_of(&item["seconds"])?));
    let by_app: Option<ByApp> = answer["items"]
        .as_array()
        .map_or(Some(ByApp::new()), |items| items.iter().map(item).collect());
    Some(Said {
        total_ms: ms_of(&answer[total])?,
        by_app: by_app?,
    })
}

/// Seconds of an answer in milliseconds.
pub(super) fn ms_of(seconds: &Value) -> Option<i64> {
    if let Some(whole) = seconds.as_i64() {
        return whole.checked_mul(1_000);
    }
    // Read as text, so that nothing is lost on the way: no more than three digits stand behind the point.
    let text = seconds.as_f64()?.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: i64 = format!("{part:0<3}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 1_000 + part)
}

/// What was claimed, ready to be added up.
struct Sums<'a> {
    /// The union of what was accepted, and of that and the unknown: sorted, without overlaps.
    least: Vec<Span>,
    most: Vec<Span>,
    /// Who holds what, where that is known.
    held: Option<&'a [Segment]>,
}

impl<'a> Sums<'a> {
    fn of(claimed: &'a Claimed) -> Self {
        let accepted = || claimed.accepted.iter().map(|segment| segment.span);
        let unknown = claimed.unknown.iter().map(|segment| segment.span);
        Self {
            least: union(accepted().collect()),
            most: union(accepted().chain(unknown).collect()),
            held: claimed.unknown.is_empty().then(|| claimed.joined.segments()),
        }
    }

    fn within(&self, window: Option<Span>) -> Expected {
        let Some(window) = window else {
            return Expected::default();
        };
        let by_app = self.held.map(|held| {
            let mut by_app = ByApp::new();
            let first = held.partition_point(|segment| segment.span.end() <= window.start());
            for segment in held[first..]
                .iter()
                .take_while(|segment| segment.span.start() < window.end())
            {
                let part = segment.span.clip(window).map_or(0, Span::ms);
                *by_app
                    .entry(segment.holder.label.app_name.as_str().to_owned())
                    .or_default() += part;
            }
            by_app
        });
        Expected {
            least_ms: measure(&self.least, window),
            most_ms: measure(&self.most, window),
            by_app,
        }
    }
}

fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| span.start());
    let mut union: Vec<Span> = Vec::new();
    for span in spans {
        match union.last_mut() {
            Some(last) if span.start() <= last.end() => {
                let end = last.end().max(span.end());
                *last = Span::new(last.start(), end).unwrap_or(*last);
            }
            _ => union.push(span),
        }
    }
    union
}

fn measure(union: &[Span], window: Span) -> i64 {
    let first = union.partition_point(|span| span.end() <= window.start());
    let within = union[first..].iter().take_while(|span| span.start() < window.end());
    within.filter_map(|span| span.clip(window)).map(Span::ms).sum()
}

fn unreadable(path: &str) -> Failure {
    Failure::new(format!("the answer to {path} is no report"))
}

#[cfg(test)]
mod tests;
