//! What clients ask for beside buckets and events.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::key::{Reading, Writing};
use super::origin;
use crate::limits::ByAddress;
use crate::problem::{Problem, ProblemType};

/// Who answers: nobody in particular, because everybody may ask.
pub(super) async fn info(_: ByAddress, request: HttpRequest) -> HttpResponse {
    origin::note(&request);
    let version = concat!("v", env!("CARGO_PKG_VERSION"), " (daybook)");
    HttpResponse::Ok()
        .json(json!({"hostname": "daybook", "version": version, "testing": false, "device_id": "daybook"}))
}

/// None are kept: those of ActivityWatch's page name what a person does, and that page is not here.
pub(super) async fn settings(_: Reading) -> HttpResponse {
    HttpResponse::Ok().json(json!({}))
}

/// One that is not set is null.
pub(super) async fn setting(_: Reading) -> HttpResponse {
    HttpResponse::Ok().json(Value::Null)
}

/// Refused in words, so that nobody believes it is kept.
pub(super) async fn no_setting(_: Writing) -> Result<HttpResponse, Problem> {
    Err(Problem::new(ProblemType::NotImplemented, "no settings are kept here"))
}

/// There is nothing to forget.
pub(super) async fn forget_setting(_: Writing) -> HttpResponse {
    HttpResponse::Ok().json(json!({}))
}

/// Refused in words.
pub(super) async fn no_query(_: Reading) -> Result<HttpResponse, Problem> {
    let detail =
        "Daybook joins what watchers send and knows no query language: ask its reports, GET /api/v1/report/apps";
    Err(Problem::new(ProblemType::NotImplemented, detail))
}
