//! `POST /api/v1/auth/refresh`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::SignedInBody;
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// A device that stays signed in.
#[derive(ToSchema)]
#[schema(as = Refresh)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct RefreshBody {
    /// The newest one that this device was given.
    refresh_token: String,
}

/// Exchange a refresh token for a new pair of tokens
///
/// A client whose answer was lost may show the same token again. A token whose successor has been used ends the session: somebody has a copy.
#[utoipa::path(
    tag = "accounts",
    request_body = RefreshBody,
    responses((status = 200, description = "Still signed in", body = SignedInBody))
)]
#[post("/api/v1/auth/refresh")]
pub(crate) async fn refresh(
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let token = Fields::read(body.text()?, &["refresh_token"], |body| {
        body.required("refresh_token", Ok::<Cow<'_, str>, _>)
    })?;
    let signed_in = services.refresh.refresh(&token).await?;
    Ok(HttpResponse::Ok().json(SignedInBody::from(&signed_in)))
}
