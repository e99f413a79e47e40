//! `GET /api/v1/usage/dead-letters`, `GET …/{id}`, `POST …/{id}/replay`.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::fault::Fault;
use domain::time::UnixMs;
use domain::usage::{Arrival, Attention, Domain};
use ports::usage::KeptLetter;
use serde::Serialize;
use services::usage::OwnLetters;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::answer::text;
use crate::caller::{Reader, Tracker};
use crate::pages;
use crate::problem::{Problem, ProblemType};
use crate::query::Query;

/// How many letters a page has unless the query says otherwise.
const LIMIT: usize = 100;
/// The most digits of each of the two numbers that an id is made of: they have 64 bits.
const DIGITS_MAX: usize = 20;

/// Part of a person's dead letters.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetters)]
pub(crate) struct LettersBody<'a> {
    /// The oldest first.
    dead_letters: Vec<LetterBody<'a>>,
    /// For the next page, which there may be though this one holds little: `null` when there is none.
    #[schema(required, pattern = "^[0-9]{1,20}(-[0-9]{1,20})?$")]
    next_cursor: Option<String>,
}

/// A ping that was accepted and could not be merged.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct LetterBody<'a> {
    #[schema(pattern = "^[0-9]{1,20}(-[0-9]{1,20})?$", example = "1772355600000-0")]
    id: &'a str,
    /// When it was given up.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    died_at: UnixMs,
    /// Why.
    reason: &'a str,
    /// The device that sent it.
    device_id: Uuid,
    /// The device's number for it.
    #[schema(required, minimum = 1)]
    seq: Option<u64>,
    /// What it claims; `null` for a heartbeat, and for the number of a ping that was refused at once, which claims nothing.
    #[schema(required)]
    ping: Option<LetterPingBody<'a>>,
    /// The heartbeat, where it is one.
    #[schema(required)]
    heartbeat: Option<LetterHeartbeatBody<'a>>,
}

/// A heartbeat that could not be merged.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterHeartbeat)]
struct LetterHeartbeatBody<'a> {
    app_name: &'a str,
    /// The site, for time in front of a web page.
    #[schema(required)]
    domain: Option<&'a str>,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    time: UnixMs,
    passive: bool,
}

/// What a dead letter claims.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterPing)]
struct LetterPingBody<'a> {
    app_name: &'a str,
    /// The site, for time in front of a web page.
    #[schema(required)]
    domain: Option<&'a str>,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    start_time: UnixMs,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:05Z")]
    end_time: UnixMs,
    passive: bool,
}

/// Show one's own dead letters
///
/// Pings that were accepted and that the storage refused for good: there should be none.
#[utoipa::path(
    operation_id = "list_dead_letters",
    tag = "usage",
    params(
        ("limit" = Option<u32>, Query, description = "How many letters at most; 100 when not given", minimum = 1, maximum = 500, example = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9]{1,20}(-[0-9]{1,20})?$")
    ),
    responses((status = 200, description = "A page of them", body = LettersBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/usage/dead-letters")]
pub(crate) async fn list(
    request: HttpRequest,
    Reader(caller): Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (limit, after) = Query::read(&request, &caller, &["limit", "cursor"], |query| {
        let limit = query.optional("limit", LIMIT, |text| pages::limit(text, OwnLetters::LIMIT_MAX));
        let after = query.optional("cursor", None, |text| cursor(text).map(Some));
        Some((limit?, after?))
    })?;
    let page = services.letters.page(&caller, after, limit).await?;
    Ok(HttpResponse::Ok().json(LettersBody {
        dead_letters: page.letters.iter().filter_map(LetterBody::of).collect(),
        next_cursor: page.next,
    }))
}

/// Show a dead letter of one's own
#[utoipa::path(
    operation_id = "show_dead_letter",
    tag = "usage",
    params(("id" = String, Path, description = "The letter")),
    responses((status = 200, description = "The letter", body = LetterBody)),
    security(("access_token" = []), ("api_key" = []))
)]
#[get("/api/v1/usage/dead-letters/{id}")]
pub(crate) async fn show(
    request: HttpRequest,
    Reader(caller): Reader,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let kept = services.letters.show(&caller, path_id(&request)?).await?;
    let letter = kept.as_ref().and_then(LetterBody::of).ok_or_else(no_such)?;
    Ok(HttpResponse::Ok().json(letter))
}

/// Have a dead letter of one's own tried again
///
/// It is put back into the queue, on disk as if it had just been accepted. It is a dead letter again if it cannot be merged this time either.
#[utoipa::path(
    operation_id = "replay_dead_letter",
    tag = "usage",
    params(("id" = String, Path, description = "The letter")),
    responses((status = 204, description = "It waits to be merged")),
    security(("access_token" = []), ("api_key" = []))
)]
#[post("/api/v1/usage/dead-letters/{id}/replay")]
pub(crate) async fn replay(
    request: HttpRequest,
    Tracker(caller): Tracker,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    if services.letters.replay(&caller, path_id(&request)?).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(no_such())
}

impl<'a> LetterBody<'a> {
    /// None of one that nobody can read.
    fn of(kept: &'a KeptLetter) -> Option<Self> {
        let arrival = kept.arrival()?;
        let (device, seq, ping, heartbeat) = match arrival {
            Arrival::Claim { claim, seq } => {
                let holder = &claim.segment.holder;
                let ping = LetterPingBody {
                    app_name: holder.label.app_name.as_str(),
                    domain: holder.label.domain.as_ref().map(Domain::as_str),
                    start_time: claim.segment.span.start(),
                    end_time: claim.segment.span.end(),
                    passive: holder.rank.attention == Attention::Passive,
                };
                (holder.rank.device, *seq, Some(ping), None)
            }
            Arrival::Heartbeat { heartbeat } => {
                let beat = &heartbeat.beat;
                let heartbeat = LetterHeartbeatBody {
                    app_name: beat.label.app_name.as_str(),
                    domain: beat.label.domain.as_ref().map(Domain::as_str),
                    time: beat.at,
                    passive: beat.attention == Attention::Passive,
                };
                (beat.device, None, None, Some(heartbeat))
            }
            Arrival::Refused { device, seq, .. } => (*device, Some(*seq), None, None),
        };
        Some(Self {
            id: &kept.id,
            died_at: kept.died_at,
            reason: &kept.letter.reason,
            device_id: device.0,
            seq: seq.map(domain::usage::Seq::get),
            ping,
            heartbeat,
        })
    }
}

fn no_such() -> Problem {
    Problem::new(ProblemType::NotFound, "you have nothing of that id")
}

/// What is no id is the id of nothing.
fn path_id(request: &HttpRequest) -> Result<&str, Problem> {
    let id = request.match_info().get("id").filter(|text| is_id(text));
    id.ok_or_else(no_such)
}

fn is_id(text: &str) -> bool {
    let is_number =
        |part: &str| (1..=DIGITS_MAX).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    text.splitn(2, '-').all(is_number)
}

fn cursor(text: &str) -> Result<String, Fault> {
    let invalid = || Fault::new("cursor", "invalid_cursor", "must be the next_cursor of a page before");
    is_id(text).then(|| text.to_owned()).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_number_or_two() {
        for id in ["0", "1772355600000-0", "18446744073709551615-18446744073709551615"] {
            assert!(is_id(id), "{id}");
        }
        let long = "1".repeat(21);
        for other in ["", "-", "1-", "-1", "1-2-3", "+1", "1 ", "a", long.as_str()] {
            assert!(!is_id(other), "{other:?}");
        }
    }
}
