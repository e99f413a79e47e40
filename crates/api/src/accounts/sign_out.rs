//! `POST /api/v1/auth/logout` and `/logout-all`.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::Caller;

use crate::Services;
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::door::Door;
use crate::fields::Fields;
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
    payload: web::Payload,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    expect_own(&request, payload, &caller).await?;
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
    payload: web::Payload,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    expect_own(&request, payload, &caller).await?;
    let address = Some(ClientAddress::of(&request).0);
    services.sign_out.everywhere(&caller, address).await?;
    Ok(signed_out(&door))
}

/// A body is not needed here, and may be anything but one that names somebody else.
async fn expect_own(request: &HttpRequest, payload: web::Payload, caller: &Caller) -> Result<(), Problem> {
    let body = JsonBody::bytes(request, payload.into_inner()).await?;
    let fields = str::from_utf8(&body)
        .ok()
        .and_then(|text| Fields::of_body(text, &[]).ok());
    fields.map_or(Ok(()), |mut fields| fields.owned_by(caller))
}

fn signed_out(door: &Door) -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((SET_COOKIE, door.refresh_cookie.clear()))
        .finish()
}
