//! `POST /api/v1/auth/refresh`.

use std::borrow::Cow;

use actix_web::http::header::{CONTENT_TYPE, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, ResponseError, post, web};
use domain::fault::Fault;
use services::Kind;
use services::accounts::AccountsError;
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::{SignedInBody, answer};
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::cross_site;
use crate::door::Door;
use crate::fields::Fields;
use crate::limits::ByAddress;
use crate::problem::Problem;
use crate::query::Query;

const FIELDS: [&str; 1] = ["refresh_token"];

/// A device that stays signed in.
#[derive(ToSchema)]
#[schema(as = Refresh)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct RefreshBody {
    /// The newest one that this device was given.
    refresh_token: String,
}

/// Exchange a refresh token for a new pair of tokens
///
/// A client whose answer was lost may show the same token again, and use any of the successors that it gets. A token that is shown again after one of its
/// successors was used ends the session: somebody has a copy.
///
/// A browser that signed in with `?session=cookie` sends its cookie and no body, and gets the next one; that is refused with 403 where the browser says that
/// the request comes from elsewhere. A cookie that is good no longer is taken back with the 401.
#[utoipa::path(
    tag = "accounts",
    params(("daybook_refresh" = Option<String>, Cookie, description = "In place of the body. Named `__Host-daybook_refresh` where the server is reached through TLS.")),
    request_body(content = RefreshBody, description = "Needed unless there is a cookie, and then not allowed"),
    responses((status = 200, description = "Still signed in", body = SignedInBody))
)]
#[post("/api/v1/auth/refresh")]
pub(crate) async fn refresh(
    _: ByAddress,
    request: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let address = Some(ClientAddress::of(&request).0);
    let payload = payload.into_inner();
    let Some(cookie) = door.refresh_cookie.read(request.headers()) else {
        let body = if request.headers().contains_key(CONTENT_TYPE) {
            JsonBody::read(&request, payload).await?
        } else {
            // Nothing at all, as of a browser whose cookie has ended, is a token that is good for nothing.
            let body = JsonBody::read_if_any(&request, payload).await?;
            body.ok_or(AccountsError::SessionEnded)?
        };
        let token = Fields::read(body.text()?, &FIELDS, |body| {
            body.required("refresh_token", Ok::<Cow<'_, str>, _>)
        })?;
        let signed_in = services.refresh.refresh(&token, address).await?;
        return Ok(answer(&signed_in, None));
    };
    if let Some(body) = JsonBody::read_if_any(&request, payload).await? {
        Fields::read(body.text()?, &FIELDS, |body| {
            body.optional("refresh_token", (), |_: Cow<'_, str>| Err(in_both_places()))
        })?;
    }
    cross_site::check(&request)?;
    match services.refresh.refresh(cookie, address).await {
        Ok(signed_in) => Ok(answer(&signed_in, Some(door.refresh_cookie))),
        Err(error) if error.kind() == Kind::Unauthenticated => {
            let mut refused = Problem::from(error).error_response();
            let headers = refused.headers_mut();
            headers.insert(SET_COOKIE, door.refresh_cookie.clear());
            Ok(refused)
        }
        Err(error) => Err(error.into()),
    }
}

/// Which of two sessions goes on is not for us to choose.
fn in_both_places() -> Fault {
    Fault::new("refresh_token", "also_in_cookie", "must not be given beside the cookie")
}
