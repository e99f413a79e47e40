//! `POST /api/v1/users/me/password`, `/api/v1/auth/password-reset` and `/api/v1/auth/password-reset/confirm`.

use std::borrow::Cow;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::{Email, Password};
use domain::fault::Fault;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::proof::proof;
use crate::accounts::refusal::end_of_step;
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::limits::ByAddress;
use crate::problem::Problem;
use crate::query::Query;

/// A password to change.
#[derive(ToSchema)]
#[schema(as = PasswordChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct PasswordChangeBody {
    /// The one that is good now.
    #[schema(format = Password)]
    password: String,
    /// The code of the second factor, or a recovery code, where the account asks for one.
    #[schema(max_length = 64, example = "123456")]
    code: Option<String>,
    /// 8 to 256 characters, and not among those that are guessed first.
    #[schema(format = Password, min_length = 8, max_length = 256, example = "correct horse battery staple")]
    new_password: String,
}

/// Whose password was forgotten.
#[derive(ToSchema)]
#[schema(as = PasswordResetRequest)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct ResetRequestBody {
    #[schema(max_length = 254, example = "ada@example.org")]
    email: String,
}

/// The same answer for every address.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordResetRequested)]
pub(crate) struct ResetRequestedBody {
    /// Always `sent_if_known`.
    #[schema(example = "sent_if_known")]
    status: &'static str,
}

/// A password to set anew.
#[derive(ToSchema)]
#[schema(as = PasswordReset)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct ResetBody {
    /// From the mail; good once, for 15 minutes.
    #[schema(format = Password)]
    token: String,
    #[schema(format = Password, min_length = 8, max_length = 256, example = "correct horse battery staple")]
    password: String,
}

/// Change one's own password
///
/// All other devices are signed out; this one and API keys stay.
#[utoipa::path(
    operation_id = "change_password",
    tag = "accounts",
    request_body = PasswordChangeBody,
    responses((status = 204, description = "Changed")),
    security(("access_token" = []))
)]
#[post("/api/v1/users/me/password")]
pub(crate) async fn change(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let known = &["password", "code", "new_password"];
    let (proof, new) = Fields::read_by(&caller, body.text()?, known, |body| {
        let proof = proof(body);
        let new = body.required("new_password", |text: Cow<'_, str>| {
            Password::parse(&text).map_err(|fault| Fault {
                field: "new_password",
                ..fault
            })
        });
        Some((proof?, new?))
    })?;
    let address = Some(ClientAddress::of(&request).0);
    services.change_password.change(&caller, proof, new, address).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ask for a mail with which a forgotten password can be set anew
///
/// The answer does not tell whether anybody has the address. At most one mail a minute goes to it.
#[utoipa::path(
    operation_id = "request_password_reset",
    tag = "accounts",
    request_body = ResetRequestBody,
    responses((status = 202, description = "If anybody has the address, the mail is on its way", body = ResetRequestedBody))
)]
#[post("/api/v1/auth/password-reset")]
pub(crate) async fn request_reset(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let email = Fields::read(body.text()?, &["email"], |body| {
        body.required("email", |text: Cow<'_, str>| Email::parse(&text))
    })?;
    let address = Some(ClientAddress::of(&request).0);
    let asked = Instant::now();
    services.reset_password.request(&email, address).await?;
    end_of_step(asked).await;
    Ok(HttpResponse::Accepted().json(ResetRequestedBody {
        status: "sent_if_known",
    }))
}

/// Set a forgotten password anew
///
/// With the token of the mail. All devices are signed out; a second factor stays and is asked for at the next sign-in.
#[utoipa::path(
    operation_id = "reset_password",
    tag = "accounts",
    request_body = ResetBody,
    responses((status = 204, description = "Set"))
)]
#[post("/api/v1/auth/password-reset/confirm")]
pub(crate) async fn reset(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let (token, password) = Fields::read(body.text()?, &["token", "password"], |body| {
        let token = body.required("token", Ok::<Cow<'_, str>, _>);
        let password = body.required("password", |text: Cow<'_, str>| Password::parse(&text));
        Some((token?, password?))
    })?;
    let address = Some(ClientAddress::of(&request).0);
    services.reset_password.reset(&token, password, address).await?;
    Ok(HttpResponse::NoContent().finish())
}
