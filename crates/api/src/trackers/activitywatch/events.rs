//! Events: heartbeats above all. Each is answered as a whole, as it was sent and merged in time, because some clients read whatever is answered as an event.

use activitywatch::event::{Event, whole_micros};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use services::trackers::SentEvent;

use super::answers::{echo, parameter, part, read, sent, shown, window};
use super::key::{Reading, Writing};
use crate::Services;
use crate::body::JsonBody;
use crate::problem::{Problem, ProblemType};

/// The longest pulsetime: a day.
const PULSETIME_SECS_MAX: f64 = 86_400.0;
/// The most events of one request.
const EVENTS_MAX: usize = 1_000;

/// Takes in a heartbeat.
pub(super) async fn heartbeat(
    request: HttpRequest,
    Writing(caller): Writing,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let pulsetime = parameter(&request, "pulsetime")?.and_then(|text| text.parse::<f64>().ok());
    let Some(pulsetime) = pulsetime.filter(|seconds| (0.0..=PULSETIME_SECS_MAX).contains(seconds)) else {
        let detail = format!("pulsetime must be a number of seconds, from 0 to {PULSETIME_SECS_MAX}");
        return Err(Problem::new(ProblemType::MalformedQuery, detail));
    };
    let beat: Event = read(&body)?;
    let beating = (sent(&beat), whole_micros(pulsetime));
    let bucket = part(&request, "bucket")?;
    let merged = services.activitywatch.heartbeat(&caller, &bucket, beating).await?;
    Ok(HttpResponse::Ok().json(echo(&beat, merged)))
}

/// Keeps one event or a list of them, and answers in the same form.
pub(super) async fn insert(
    request: HttpRequest,
    Writing(caller): Writing,
    payload: web::Payload,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let body = JsonBody::bytes(&request, payload.into_inner()).await?;
    let is_list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let events: Vec<Event> = if is_list { read(&body)? } else { vec![read(&body)?] };
    if events.len() > EVENTS_MAX {
        let detail = format!("at most {EVENTS_MAX} events are taken at once");
        return Err(Problem::new(ProblemType::BodyTooLarge, detail));
    }
    let told: Vec<SentEvent> = events.iter().map(sent).collect();
    let bucket = part(&request, "bucket")?;
    let ids = services.activitywatch.insert(&caller, &bucket, &told).await?;
    let kept: Vec<Event> = events
        .iter()
        .zip(ids)
        .map(|(event, id)| echo(event, (id, event.stretch)))
        .collect();
    Ok(match kept.first().filter(|_| !is_list) {
        Some(event) => HttpResponse::Ok().json(event),
        None => HttpResponse::Ok().json(kept),
    })
}

/// Those of a window, newest first.
pub(super) async fn list(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (bucket, window) = (part(&request, "bucket")?, window(&request)?);
    let events = services.activitywatch.events(&caller, &bucket, window).await?;
    Ok(HttpResponse::Ok().json(events.iter().map(shown).collect::<Vec<_>>()))
}

/// How many there are in a window.
pub(super) async fn count(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (bucket, window) = (part(&request, "bucket")?, window(&request)?);
    let count = services.activitywatch.count(&caller, &bucket, window).await?;
    Ok(HttpResponse::Ok().json(count))
}

/// One.
pub(super) async fn show(
    request: HttpRequest,
    Reading(caller): Reading,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (bucket, id) = (part(&request, "bucket")?, number(&request)?);
    let event = services.activitywatch.event(&caller, &bucket, id).await?;
    Ok(HttpResponse::Ok().json(shown(&event)))
}

/// Forgets one.
pub(super) async fn delete(
    request: HttpRequest,
    Writing(caller): Writing,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (bucket, id) = (part(&request, "bucket")?, number(&request)?);
    services.activitywatch.delete_event(&caller, &bucket, id).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// No event has a name that is no number.
fn number(request: &HttpRequest) -> Result<i64, Problem> {
    let number = part(request, "event")?.parse();
    number.map_err(|_| Problem::new(ProblemType::NotFound, "there is no event of that number in the bucket"))
}
