//! `DELETE /api/v1/users/me`.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, delete, web};

use crate::Services;
use crate::accounts::proof::shown;
use crate::accounts::second_factor::ProofBody;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::door::Door;
use crate::problem::Problem;

/// Erase one's own account
///
/// Everything that is kept of the person: profile, devices, keys, log and timeline. Nothing of it can be brought back. Pings that still wait are dropped.
#[utoipa::path(
    operation_id = "erase_account",
    tag = "accounts",
    request_body = ProofBody,
    responses((status = 204, description = "Erased")),
    security(("access_token" = []))
)]
#[delete("/api/v1/users/me")]
pub(crate) async fn erase(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    let (proof, address) = shown(&request, &caller, &body)?;
    services.erase.erase(&caller, proof, address).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((SET_COOKIE, door.refresh_cookie.clear()))
        .finish())
}
