//! `GET /api/v1/users/me/security-log`.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::accounts::{EntryId, SecurityEntry};
use domain::time::UnixMs;
use serde::Serialize;
use services::accounts::SecurityLog;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Services;
use crate::answer::text;
use crate::caller::Bearer;
use crate::pages;
use crate::problem::Problem;
use crate::query::Query;

/// How many entries a page has unless the query says otherwise.
const LIMIT: usize = 100;

/// Part of a security log.
#[derive(Serialize, ToSchema)]
#[schema(as = SecurityLog)]
pub(crate) struct SecurityLogBody {
    /// The newest first.
    entries: Vec<SecurityEntryBody>,
    /// For the next page: `null` when there is none.
    #[schema(required, pattern = "^[0-9a-f]{32}$")]
    next_cursor: Option<String>,
}

/// Something that happened to the account.
#[derive(Serialize, ToSchema)]
#[schema(as = SecurityEntry)]
pub(crate) struct SecurityEntryBody {
    id: Uuid,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    at: UnixMs,
    /// What: `signed_in`, `sign_in_failed`, `refresh_reused`, … There may be new ones. `signed_in` without a device is a sign-in at the page where devices are
    /// confirmed, which leaves none.
    #[schema(example = "signed_in")]
    event: &'static str,
    #[schema(required)]
    device_id: Option<Uuid>,
    #[schema(required)]
    session_id: Option<Uuid>,
    /// Where the request came from; `null` for what the operator did.
    #[schema(required, example = "192.0.2.7")]
    address: Option<String>,
    /// Of how many things, for what has a number: how many privacy rules there are since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    count: Option<u32>,
}

/// Show what happened to one's own account
#[utoipa::path(
    operation_id = "show_security_log",
    tag = "accounts",
    params(
        ("limit" = Option<u32>, Query, description = "How many entries at most; 100 when not given", minimum = 1, maximum = 500, example = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", pattern = "^[0-9a-f]{32}$")
    ),
    responses((status = 200, description = "A page of it", body = SecurityLogBody)),
    security(("access_token" = []))
)]
#[get("/api/v1/users/me/security-log")]
pub(crate) async fn show(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (limit, before) = Query::read(&request, &caller, &["limit", "cursor"], |query| {
        let limit = query.optional("limit", LIMIT, |text| pages::limit(text, SecurityLog::LIMIT_MAX));
        let before = query.optional("cursor", None, |text| pages::cursor(text).map(|id| Some(EntryId(id))));
        Some((limit?, before?))
    })?;
    let page = services.security_log.page(&caller, before, limit).await?;
    Ok(HttpResponse::Ok().json(SecurityLogBody {
        entries: page.entries.iter().map(SecurityEntryBody::from).collect(),
        next_cursor: page.next.map(|entry| entry.0.simple().to_string()),
    }))
}

impl From<&SecurityEntry> for SecurityEntryBody {
    fn from(entry: &SecurityEntry) -> Self {
        Self {
            id: entry.id.0,
            at: entry.at,
            event: entry.event.word(),
            device_id: entry.device.map(|device| device.0),
            session_id: entry.session.map(|session| session.0),
            address: entry.address.map(|address| address.to_string()),
            count: entry.count,
        }
    }
}
