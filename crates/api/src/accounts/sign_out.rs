//! `POST /api/v1/auth/logout` and `/logout-all`.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, post, web};

use crate::Services;
use crate::address::ClientAddress;
use crate::caller::Bearer;
use crate::door::Door;
use crate::problem::Problem;
use crate::query::Query;

/// Sign this device out
///
/// Its access token and its refresh token are good for nothing from then on, on every node. A cookie is taken back.
#[utoipa::path(
    operation_id = "logout",
    tag = "accounts",
    responses((status = 204, description = "Signed out")),
    security(("access_token" = []))
)]
#[post("/api/v1/auth/logout")]
pub(crate) async fn logout(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let address = Some(ClientAddress::of(&request).0);
    services.sign_out.this_device(&caller, address).await?;
    Ok(signed_out(&door))
}

/// Sign all of one's own devices out
///
/// This one too. API keys stay.
#[utoipa::path(
    operation_id = "logout_all",
    tag = "accounts",
    responses((status = 204, description = "Signed out")),
    security(("access_token" = []))
)]
#[post("/api/v1/auth/logout-all")]
pub(crate) async fn logout_all(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let address = Some(ClientAddress::of(&request).0);
    services.sign_out.everywhere(&caller, address).await?;
    Ok(signed_out(&door))
}

fn signed_out(door: &Door) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((SET_COOKIE, door.refresh_cookie.clear()))
        .finish()
}
