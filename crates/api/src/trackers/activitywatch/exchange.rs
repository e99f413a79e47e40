//! Whole buckets, out and in again. What is more than an answer may hold is in Daybook's own export; what is older than claims may be, its agent imports.

use std::collections::BTreeMap;

use activitywatch::event::{Event, Exported, Filled};
use activitywatch::multipart;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::accounts::Caller;
use ports::trackers::{EventWindow, WatchBucket};
use serde::Deserialize;
use serde_json::json;

use super::answers::{EVENTS_SHOWN_MAX, extent, imported, part, read, shown};
use super::key::{Reading, Writing};
use crate::Services;
use crate::body::JsonBody;
use crate::problem::{Problem, ProblemType};

/// The most events of an import.
const EVENTS_MAX: usize = 10_000;

#[derive(Deserialize)]
struct Import {
    buckets: BTreeMap<String, Filled>,
}

/// All buckets of the device.
pub(super) async fn export(Reading(caller): Reading, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let buckets = services.activitywatch.buckets(&caller).await?;
    exported(&services, &caller, buckets, "aw-buckets-export.json").await
}

/// One of them.
pub(super) async fn export_one(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let bucket = services
        .activitywatch
        .bucket(&caller, &part(&request, "bucket")?)
        .await?;
    exported(&services, &caller, vec![bucket], "aw-bucket-export.json").await
}

async fn exported(
    services: &Services,
    caller: &Caller,
    buckets: Vec<WatchBucket>,
    file_name: &str,
) -> Result<HttpResponse, Problem> {
    const NEWEST: EventWindow = EventWindow {
        from_us: i64::MIN,
        to_us: i64::MAX,
        limit: EVENTS_SHOWN_MAX,
    };
    let mut exported = BTreeMap::new();
    for bucket in buckets {
        let id = bucket.id.clone();
        let events = services.activitywatch.events(caller, &id, NEWEST).await?;
        let events: Vec<Event> = events.iter().map(shown).collect();
        let extent = extent(bucket);
        exported.insert(id, Exported { extent, events });
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename={file_name}")))
        .json(json!({ "buckets": exported })))
}

/// Takes in what was exported, here or from ActivityWatch; twice changes nothing.
pub(super) async fn import(
    request: HttpRequest,
    Writing(caller): Writing,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let media_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let json = match media_type.filter(|media_type| media_type.starts_with("multipart/")) {
        Some(media_type) => multipart::file(media_type, &body)
            .ok_or_else(|| Problem::new(ProblemType::MalformedBody, "the form has no field buckets.json"))?,
        None => &body,
    };
    let Import { buckets } = read(json)?;
    if buckets.values().map(|bucket| bucket.events.len()).sum::<usize>() > EVENTS_MAX {
        let detail = format!("at most {EVENTS_MAX} events are imported at once");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    let now_us = services.clock.now().0.saturating_mul(1_000);
    for (id, filled) in buckets {
        let (bucket, events) = imported(id, filled, now_us)?;
        services.activitywatch.import(&caller, &bucket, &events).await?;
    }
    Ok(HttpResponse::Ok().json(json!({})))
}
