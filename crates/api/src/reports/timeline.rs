//! `GET /api/v1/usage/timeline`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::accounts::DeviceId;
use domain::reports::Zone;
use domain::time::UnixMs;
use domain::usage::{Domain, Segment};
use serde::Serialize;
use services::reports::TimelineAnswer;
use utoipa::ToSchema;

use crate::Services;
use crate::answer::{Seconds, text};
use crate::caller::Reader;
use crate::problem::Problem;
use crate::query::Query;

use super::question::{self, TIMELINE_PARAMETERS, TimelineParameters};

/// A stretch of a timeline.
#[derive(Serialize, ToSchema)]
#[schema(as = Timeline)]
pub(crate) struct TimelineBody<'a> {
    /// The zone in which days were counted.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, example = "Europe/Berlin")]
    timezone: Zone,
    /// Earliest first, never overlapping, cut to the stretch that was asked for. A gap is time that nobody claimed.
    segments: Vec<SegmentBody<'a>>,
}

/// A maximal stretch of one device, application and site.
#[derive(Serialize, ToSchema)]
#[schema(as = Segment)]
struct SegmentBody<'a> {
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    start_time: UnixMs,
    /// The first instant that is not in it.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T10:00:00Z")]
    end_time: UnixMs,
    app_name: &'a str,
    /// The site, for time in front of a web page.
    #[schema(required)]
    domain: Option<&'a str>,
    #[serde(serialize_with = "text")]
    #[schema(value_type = uuid::Uuid)]
    device_id: DeviceId,
    #[schema(value_type = f64, minimum = 0, example = 3600)]
    seconds: Seconds,
}

/// Show a stretch of one's own timeline
#[utoipa::path(
    operation_id = "show_timeline",
    tag = "reports",
    params(TimelineParameters),
    responses((status = 200, description = "The timeline", body = TimelineBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/usage/timeline")]
pub(crate) async fn timeline(
    request: HttpRequest,
    Reader(caller): Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (period, zone) = Query::read(&request, &caller, TIMELINE_PARAMETERS, question::timeline)?;
    let answer = services.reports.timeline(&caller, period, zone).await?;
    Ok(HttpResponse::Ok().json(TimelineBody::from(&answer)))
}

impl<'a> From<&'a TimelineAnswer> for TimelineBody<'a> {
    fn from(answer: &'a TimelineAnswer) -> Self {
        Self {
            timezone: answer.zone,
            segments: answer.segments.iter().map(SegmentBody::from).collect(),
        }
    }
}

impl<'a> From<&'a Segment> for SegmentBody<'a> {
    fn from(segment: &'a Segment) -> Self {
        let holder = &segment.holder;
        Self {
            start_time: segment.span.start(),
            end_time: segment.span.end(),
            app_name: holder.label.app_name.as_str(),
            domain: holder.label.domain.as_ref().map(Domain::as_str),
            device_id: holder.rank.device,
            seconds: Seconds { ms: segment.span.ms() },
        }
    }
}
