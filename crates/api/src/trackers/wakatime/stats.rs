//! `GET …/stats/{range}`, `…/all_time_since_today` and `…/projects`: a person's time that heartbeats hold, in all.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use domain::accounts::User;
use domain::reports::{Days, Dimension, SaidTotals};
use domain::time::{Span, UnixMs};
use domain::usage::ContextText;
use serde::Serialize;
use serde_json::{Value, json};
use services::reports::{AllTime, Asked, ContextsQuestion, ProjectTime};

use crate::Services;
use crate::problem::{Problem, ProblemType};

use super::asked::{Params, range};
use super::entry::{Shares, Spent, seconds};
use super::key::Reading;
use super::own;
use super::summaries::{AverageBody, known_language_ms, today};

/// The range that has no first day.
const ALL_TIME: &str = "all_time";
/// How old what is shown may be, in the words of clients that ask again: it is never old.
const TIMEOUT_MINUTES: u32 = 15;

/// What stats are made of.
struct Counted {
    days: Days,
    first: NaiveDate,
    last: NaiveDate,
    /// Each day that counts, with its milliseconds.
    days_ms: Vec<(NaiveDate, i64)>,
    totals: SaidTotals,
}

/// A project.
#[derive(Serialize)]
struct ProjectBody {
    id: String,
    name: String,
    urlencoded_name: String,
    created_at: String,
    first_heartbeat_at: String,
    last_heartbeat_at: String,
    human_readable_first_heartbeat_at: String,
    human_readable_last_heartbeat_at: String,
    has_public_url: bool,
}

/// Shows the sums of a range.
pub(super) async fn stats(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let unknown = || {
        Problem::new(
            ProblemType::NotFound,
            "there is no range of this name, such as last_7_days",
        )
    };
    let name = request.match_info().get("range").unwrap_or_default();
    own::merged(&services, &caller).await;
    let (user, today) = today(&services, &caller, None).await?;
    let counted = if name == ALL_TIME {
        let (_, all) = services.reports.all_time(&caller).await?;
        Counted::of_all_time(&user, today, all)
    } else {
        let (first, last) = range(name, today).ok_or_else(unknown)?;
        let question = ContextsQuestion {
            asked: Asked::Range(first, last),
            ..ContextsQuestion::default()
        };
        let answer = services.reports.contexts(&caller, question).await?;
        Counted {
            days: answer.period.days,
            first,
            last,
            days_ms: answer.days.iter().map(|day| (day.date, day.totals.ms())).collect(),
            totals: answer.sum(),
        }
    };
    let body = counted.body(name, &user, services.clock.now());
    Ok(HttpResponse::Ok().json(json!({ "data": body })))
}

/// Shows the time since the first heartbeat; only that of a project, if one is named.
pub(super) async fn all_time(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    own::merged(&services, &caller).await;
    let (user, all) = services.reports.all_time(&caller).await?;
    let totals = match Params::of(&request).get("project") {
        Some(project) => all.totals.only(Dimension::Project, project),
        None => all.totals,
    };
    let now = services.clock.now();
    let days = days_of(&user);
    let first = all.first.unwrap_or(now);
    let date = |at: UnixMs| days.date_of(at).map(|date| date.to_string());
    let day_text = |at: UnixMs| days.date_of(at).map(|date| date.format("%a %b %-d %Y").to_string());
    let spent = Spent::of(totals.ms());
    Ok(HttpResponse::Ok().json(json!({"data": {
        "decimal": spent.decimal,
        "digital": spent.digital,
        "text": spent.text,
        "total_seconds": spent.total_seconds,
        "is_up_to_date": true,
        "percent_calculated": 100,
        "timeout": TIMEOUT_MINUTES,
        "range": {
            "start": first.to_string(),
            "start_date": date(first),
            "start_text": day_text(first),
            "end": now.to_string(),
            "end_date": date(now),
            "end_text": day_text(now),
            "timezone": days.zone.name(),
        },
    }})))
}

/// Shows the projects, the one that was worked on last first; only those whose names hold a text, if one is given.
pub(super) async fn projects(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    own::merged(&services, &caller).await;
    let (user, all) = services.reports.all_time(&caller).await?;
    let wanted = Params::of(&request).get("q").unwrap_or_default().to_lowercase();
    let mut projects = all.projects;
    projects.retain(|project| project.name.as_str().to_lowercase().contains(&wanted));
    projects.sort_by(|one, other| other.last.cmp(&one.last).then_with(|| one.name.cmp(&other.name)));
    let days = days_of(&user);
    let bodies: Vec<ProjectBody> = projects.iter().map(|project| ProjectBody::of(project, days)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "total": bodies.len(),
        "total_pages": 1,
        "page": 1,
        "data": bodies,
    })))
}

fn days_of(user: &User) -> Days {
    Days {
        zone: user.timezone,
        day_start: user.day_start,
    }
}

impl Counted {
    fn of_all_time(user: &User, today: NaiveDate, all: AllTime) -> Self {
        let first = all.days_ms.keys().next().copied().unwrap_or(today);
        let last = all.days_ms.keys().next_back().map_or(today, |last| today.max(*last));
        let dates = first.iter_days().take_while(|date| *date <= last);
        Self {
            days: days_of(user),
            first,
            last,
            days_ms: dates
                .map(|date| (date, all.days_ms.get(&date).copied().unwrap_or(0)))
                .collect(),
            totals: all.totals,
        }
    }

    fn body(&self, range: &str, user: &User, now: UnixMs) -> Value {
        let average = AverageBody::of(self.days_ms.iter().map(|(_, ms)| *ms), &self.totals);
        let (all_ms, known_ms) = (self.totals.ms(), known_language_ms(&self.totals));
        let span = self.days.range(self.first, self.last);
        let best = self
            .days_ms
            .iter()
            .filter(|(_, ms)| *ms > 0)
            .max_by_key(|(date, ms)| (*ms, *date));
        let mut body = json!(Shares::of(&self.totals));
        let rest = json!({
            "id": user.id.0,
            "user_id": user.id.0,
            "username": user.email.as_str(),
            "range": range,
            "human_readable_range": range.replace('_', " "),
            "start": span.map_or(now, Span::start).to_string(),
            "end": span.map_or(now, Span::end).to_string(),
            "timezone": self.days.zone.name(),
            "timeout": TIMEOUT_MINUTES,
            "status": "ok",
            "percent_calculated": 100,
            "is_up_to_date": true,
            "is_already_updating": false,
            "is_stuck": false,
            "is_including_today": true,
            "writes_only": false,
            "total_seconds": seconds(known_ms),
            "total_seconds_including_other_language": seconds(all_ms),
            "human_readable_total": Spent::of(known_ms).text,
            "human_readable_total_including_other_language": Spent::of(all_ms).text,
            "daily_average": average.seconds,
            "daily_average_including_other_language": average.seconds_including_other_language,
            "human_readable_daily_average": average.text,
            "human_readable_daily_average_including_other_language": average.text_including_other_language,
            "days_including_holidays": average.days_including_holidays,
            "days_minus_holidays": average.days_minus_holidays,
            "holidays": average.holidays,
            "best_day": best.map(|(date, ms)| {
                let spent = Spent::of(*ms);
                json!({"date": date.to_string(), "text": spent.text, "total_seconds": spent.total_seconds})
            }),
            "created_at": now.to_string(),
            "modified_at": now.to_string(),
        });
        if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
            body.extend(rest);
        }
        body
    }
}

impl ProjectBody {
    fn of(project: &ProjectTime, days: Days) -> Self {
        let name: &ContextText = &project.name;
        let day = |at: UnixMs| {
            let date = days.date_of(at).map(|date| date.format("%a %b %-d %Y").to_string());
            date.unwrap_or_else(|| at.to_string())
        };
        Self {
            // A project is nothing but its name.
            id: name.as_str().to_owned(),
            name: name.as_str().to_owned(),
            urlencoded_name: url::form_urlencoded::byte_serialize(name.as_str().as_bytes()).collect(),
            created_at: project.first.to_string(),
            first_heartbeat_at: project.first.to_string(),
            last_heartbeat_at: project.last.to_string(),
            human_readable_first_heartbeat_at: day(project.first),
            human_readable_last_heartbeat_at: day(project.last),
            has_public_url: false,
        }
    }
}
