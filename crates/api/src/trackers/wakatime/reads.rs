//! What clients of WakaTime ask for besides their time: who they speak for, and what Daybook has nothing of.

use actix_web::{HttpRequest, HttpResponse, web};
use domain::accounts::{Scope, User};
use serde_json::{Value, json};

use crate::Services;
use crate::body::JsonBody;
use crate::problem::Problem;

use super::key::{Known, Reading};

/// Shows who the key speaks for: to a key that may read reports all that clients show of a person, to any other their id, so that it knows it is let in.
pub(super) async fn user(known: Known, services: web::Data<Services>) -> Result<HttpResponse, Problem> {
    let user = services.profile.show(&known.caller).await?;
    let may_read = known.scopes.allow(Scope::ReportsRead);
    let data = if may_read { whole(&user) } else { alone(&user) };
    Ok(HttpResponse::Ok().json(json!({ "data": data })))
}

fn whole(user: &User) -> Value {
    json!({
        "id": user.id.0,
        "username": user.email.as_str(),
        "display_name": user.full_name.as_str(),
        "full_name": user.full_name.as_str(),
        "email": user.email.as_str(),
        "is_email_public": false,
        "photo": null,
        "photo_public": false,
        "timezone": user.timezone.name(),
        "timeout": user.heartbeat_timeout.secs() / 60,
        "has_premium_features": false,
        "logged_time_public": false,
        "languages_used_public": false,
        "writes_only": false,
        "created_at": user.created_at.to_string(),
    })
}

fn alone(user: &User) -> Value {
    json!({
        "id": user.id.0,
        "username": user.id.0,
        "display_name": user.id.0,
        "timezone": user.timezone.name(),
        "writes_only": true,
        "created_at": user.created_at.to_string(),
    })
}

/// There are no goals here.
pub(super) async fn goals(_: Reading) -> HttpResponse {
    HttpResponse::Ok().json(json!({"data": [], "total": 0, "total_pages": 1, "page": 1}))
}

/// Who knows a file best: nobody asks the others here, so that the path that was sent is not even looked at.
pub(super) async fn file_experts(
    request: HttpRequest,
    _: Reading,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    JsonBody::bytes(&request, payload.into_inner()).await?;
    Ok(HttpResponse::Ok().json(json!({ "data": [] })))
}

/// Takes what went wrong in a plugin, and drops it: it may hold anything.
pub(super) async fn plugin_error(
    request: HttpRequest,
    _: Known,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    JsonBody::bytes(&request, payload.into_inner()).await?;
    Ok(HttpResponse::Created().json(json!({})))
}
