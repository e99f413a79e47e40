//! `GET /api/v1/report/apps`, `/urls` and `/days`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use chrono::NaiveDate;
use domain::reports::{LabelTotals, Zone, by_app, by_site};
use domain::usage::{AppName, Domain};
use serde::Serialize;
use services::reports::{Period, TotalsAnswer};
use utoipa::ToSchema;

use crate::Services;
use crate::answer::{Seconds, text};
use crate::caller::Reader;
use crate::problem::Problem;
use crate::query::Query;

use super::question::{self, TOTALS_PARAMETERS, TotalsParameters};

/// What every report by days says first.
#[derive(Serialize, ToSchema)]
pub(super) struct Head {
    /// The first day.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = Date, example = "2026-03-01")]
    from: NaiveDate,
    /// The last day, included.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = Date, example = "2026-03-01")]
    to: NaiveDate,
    /// The zone in which days were counted.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, example = "Europe/Berlin")]
    timezone: Zone,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    total_seconds: Seconds,
}

/// Time by application.
#[derive(Serialize, ToSchema)]
#[schema(as = AppsReport)]
pub(crate) struct AppsBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Longest first, ties by name.
    items: Vec<AppSeconds<'a>>,
}

/// Time by site.
#[derive(Serialize, ToSchema)]
#[schema(as = UrlsReport)]
pub(crate) struct UrlsBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Longest first, ties by name.
    items: Vec<SiteSeconds<'a>>,
}

/// Time by day and application.
#[derive(Serialize, ToSchema)]
#[schema(as = DaysReport)]
pub(crate) struct DaysBody<'a> {
    #[serde(flatten)]
    head: Head,
    /// Every day from `from` to `to`, in order, also where it holds nothing.
    days: Vec<DayBody<'a>>,
}

/// Time of a day by application.
#[derive(Serialize, ToSchema)]
#[schema(as = Day)]
struct DayBody<'a> {
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = Date, example = "2026-03-01")]
    date: NaiveDate,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
    /// Longest first, ties by name.
    items: Vec<AppSeconds<'a>>,
}

/// Time of an application.
#[derive(Serialize, ToSchema)]
struct AppSeconds<'a> {
    app_name: &'a str,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Time of a site.
#[derive(Serialize, ToSchema)]
struct SiteSeconds<'a> {
    /// The host of the pages; `null` for time without one.
    #[schema(required, example = "example.org")]
    domain: Option<&'a str>,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Show one's own time by application
#[utoipa::path(
    operation_id = "report_apps",
    tag = "reports",
    params(TotalsParameters),
    responses((status = 200, description = "Time by application", body = AppsBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/apps")]
pub(crate) async fn apps(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let answer = answer(&request, &reader, &services).await?;
    let totals_ms = answer.sum_ms();
    let ranked = by_app(&totals_ms);
    Ok(HttpResponse::Ok().json(AppsBody {
        head: Head::of(&answer.period, sum(&totals_ms)),
        items: app_seconds(&ranked),
    }))
}

/// Show one's own time by site
///
/// Time without a site is under `null`.
#[utoipa::path(
    operation_id = "report_urls",
    tag = "reports",
    params(TotalsParameters),
    responses((status = 200, description = "Time by site", body = UrlsBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/urls")]
pub(crate) async fn urls(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let answer = answer(&request, &reader, &services).await?;
    let totals_ms = answer.sum_ms();
    let ranked = by_site(&totals_ms);
    let items = ranked.iter().map(|(site, ms)| SiteSeconds {
        domain: site.as_ref().map(Domain::as_str),
        seconds: Seconds { ms: *ms },
    });
    Ok(HttpResponse::Ok().json(UrlsBody {
        head: Head::of(&answer.period, sum(&totals_ms)),
        items: items.collect(),
    }))
}

/// Show one's own time by day and application
#[utoipa::path(
    operation_id = "report_days",
    tag = "reports",
    params(TotalsParameters),
    responses((status = 200, description = "Time by day", body = DaysBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/report/days")]
pub(crate) async fn days(
    request: HttpRequest,
    reader: Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let answer = answer(&request, &reader, &services).await?;
    let ranked: Vec<_> = answer.days.iter().map(|day| by_app(&day.totals_ms)).collect();
    let days = answer.days.iter().zip(&ranked).map(|(day, ranked)| DayBody {
        date: day.date,
        seconds: Seconds {
            ms: sum(&day.totals_ms),
        },
        items: app_seconds(ranked),
    });
    let total_ms = answer.days.iter().map(|day| sum(&day.totals_ms)).sum();
    Ok(HttpResponse::Ok().json(DaysBody {
        head: Head::of(&answer.period, total_ms),
        days: days.collect(),
    }))
}

async fn answer(request: &HttpRequest, Reader(caller): &Reader, services: &Services) -> Result<TotalsAnswer, Problem> {
    let question = Query::read(request, caller, TOTALS_PARAMETERS, question::totals)?;
    Ok(services.reports.totals(caller, question).await?)
}

impl Head {
    pub(super) fn of(period: &Period, total_ms: i64) -> Self {
        Self {
            from: period.first,
            to: period.last,
            timezone: period.days.zone,
            total_seconds: Seconds { ms: total_ms },
        }
    }
}

fn app_seconds(ranked: &[(AppName, i64)]) -> Vec<AppSeconds<'_>> {
    ranked
        .iter()
        .map(|(app, ms)| AppSeconds {
            app_name: app.as_str(),
            seconds: Seconds { ms: *ms },
        })
        .collect()
}

fn sum(totals_ms: &LabelTotals) -> i64 {
    totals_ms.values().sum()
}
