//! `GET …/statusbar/today` and `…/summaries`: a person's time that heartbeats hold, day by day.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use domain::accounts::{Caller, User};
use domain::reports::{Days, Dimension, SaidTotals, Zone};
use domain::time::{SECOND_MS, Span, UnixMs};
use serde::Serialize;
use services::reports::{Asked, ContextsAnswer, ContextsQuestion};

use crate::Services;
use crate::problem::{Problem, ProblemType};

use super::asked::Params;
use super::entry::{Shares, Spent, seconds};
use super::key::Reading;
use super::own;

/// What a status bar shows.
#[derive(Serialize)]
struct StatusBarBody {
    cached_at: String,
    data: SummaryBody,
    has_team_features: bool,
}

/// Days, and their sum.
#[derive(Serialize)]
struct SummariesBody {
    data: Vec<SummaryBody>,
    start: String,
    end: String,
    cumulative_total: CumulativeBody,
    daily_average: AverageBody,
}

/// A day.
#[derive(Serialize)]
struct SummaryBody {
    grand_total: Spent,
    #[serde(flatten)]
    shares: Shares,
    range: RangeBody,
}

/// When a day is.
#[derive(Serialize)]
struct RangeBody {
    date: String,
    start: String,
    end: String,
    text: String,
    timezone: &'static str,
}

/// The sum of all days.
#[derive(Serialize)]
struct CumulativeBody {
    seconds: f64,
    #[serde(flatten)]
    written: WrittenBody,
}

#[derive(Serialize)]
struct WrittenBody {
    text: String,
    decimal: String,
    digital: String,
}

/// The mean of the days on which there was anything.
#[derive(Serialize)]
pub(super) struct AverageBody {
    pub(super) holidays: usize,
    pub(super) days_including_holidays: usize,
    pub(super) days_minus_holidays: usize,
    /// Without time of which no language is known.
    pub(super) seconds: f64,
    pub(super) text: String,
    pub(super) seconds_including_other_language: f64,
    pub(super) text_including_other_language: String,
}

/// Shows today, as the status bars of editors do.
pub(super) async fn status_bar(
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    own::merged(&services, &caller).await;
    let answer = services.reports.contexts(&caller, ContextsQuestion::default()).await?;
    let now = services.clock.now();
    let today = answer.days.first().map(|day| (day.date, &day.totals));
    let data = today.and_then(|(date, totals)| SummaryBody::of(answer.period.days, date, totals, now));
    let outside = || Problem::new(ProblemType::NotFound, "there is no today in this zone");
    Ok(HttpResponse::Ok().json(StatusBarBody {
        cached_at: now.to_string(),
        data: data.ok_or_else(outside)?,
        has_team_features: false,
    }))
}

/// Shows days, the last one included; only the time of a project, if one is named.
pub(super) async fn summaries(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let params = Params::of(&request);
    let zone = params.zone()?;
    own::merged(&services, &caller).await;
    let (_, today) = today(&services, &caller, zone).await?;
    let (first, last) = params.days(today)?;
    let question = ContextsQuestion {
        asked: Asked::Range(first, last),
        zone,
        device: None,
    };
    let answer = services.reports.contexts(&caller, question).await?;
    let answer = match params.get("project") {
        Some(project) => only_of(answer, project),
        None => answer,
    };
    Ok(HttpResponse::Ok().json(SummariesBody::of(&answer, services.clock.now())))
}

/// The caller, and the day that it is for them.
pub(super) async fn today(
    services: &Services,
    caller: &Caller,
    zone: Option<Zone>,
) -> Result<(User, NaiveDate), Problem> {
    let user = services.profile.show(caller).await?;
    let days = Days {
        zone: zone.unwrap_or(user.timezone),
        day_start: user.day_start,
    };
    let today = days.date_of(services.clock.now());
    let outside = || Problem::new(ProblemType::NotFound, "the server's clock is outside the calendar");
    Ok((user, today.ok_or_else(outside)?))
}

fn only_of(mut answer: ContextsAnswer, project: &str) -> ContextsAnswer {
    for day in &mut answer.days {
        day.totals = day.totals.only(Dimension::Project, project);
    }
    answer
}

impl SummariesBody {
    fn of(answer: &ContextsAnswer, now: UnixMs) -> Self {
        let days = answer.period.days;
        let sum = answer.sum();
        let spent = Spent::of(sum.ms());
        let whole = days.range(answer.period.first, answer.period.last);
        let summaries = answer.days.iter();
        Self {
            data: summaries
                .filter_map(|day| SummaryBody::of(days, day.date, &day.totals, now))
                .collect(),
            start: whole.map_or(now, Span::start).to_string(),
            end: whole.map_or(now, Span::end).to_string(),
            cumulative_total: CumulativeBody {
                seconds: spent.total_seconds,
                written: WrittenBody {
                    text: spent.text,
                    decimal: spent.decimal,
                    digital: spent.digital,
                },
            },
            daily_average: AverageBody::of(answer.days.iter().map(|day| day.totals.ms()), &sum),
        }
    }
}

impl SummaryBody {
    /// Nothing for a date that never was.
    fn of(days: Days, date: NaiveDate, totals: &SaidTotals, now: UnixMs) -> Option<Self> {
        let span = days.span(date)?;
        let text = match days.date_of(now) {
            Some(today) if today == date => "Today".to_owned(),
            Some(today) if today.pred_opt() == Some(date) => "Yesterday".to_owned(),
            _ => date.format("%a %b %-d %Y").to_string(),
        };
        Some(Self {
            grand_total: Spent::of(totals.ms()),
            shares: Shares::of(totals),
            range: RangeBody {
                date: date.to_string(),
                start: span.start().to_string(),
                // The last second of the day, as these clients have it.
                end: span.end().plus_ms(-SECOND_MS).to_string(),
                text,
                timezone: days.zone.name(),
            },
        })
    }
}

impl AverageBody {
    /// Of days with so many milliseconds each, which are those of `sum`.
    pub(super) fn of(days_ms: impl Iterator<Item = i64>, sum: &SaidTotals) -> Self {
        let (mut days, mut worked) = (0, 0);
        for ms in days_ms {
            days += 1;
            worked += usize::from(ms > 0);
        }
        let mean_ms = |ms: i64| {
            i64::try_from(worked)
                .ok()
                .and_then(|worked| ms.checked_div(worked))
                .unwrap_or(0)
        };
        let (all_ms, known_ms) = (sum.ms(), known_language_ms(sum));
        Self {
            holidays: days - worked,
            days_including_holidays: days,
            days_minus_holidays: worked,
            seconds: seconds(mean_ms(known_ms)),
            text: Spent::of(mean_ms(known_ms)).text,
            seconds_including_other_language: seconds(mean_ms(all_ms)),
            text_including_other_language: Spent::of(mean_ms(all_ms)).text,
        }
    }
}

/// The time of which a language is known.
pub(super) fn known_language_ms(totals: &SaidTotals) -> i64 {
    let by_language = totals.by(Dimension::Language).into_iter();
    by_language
        .filter(|(language, _)| language.is_some())
        .map(|(_, ms)| ms)
        .sum()
}
