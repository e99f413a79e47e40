//! `POST` and `DELETE /api/v1/users/me/totp`, and what goes with it.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, delete, post, web};
use domain::accounts::{RecoveryCode, TotpCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::proof::shown;
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// That it is still the person.
#[derive(ToSchema)]
#[schema(as = Proof)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct ProofBody {
    #[schema(format = Password)]
    password: String,
    /// The code of the second factor, or a recovery code, where the account asks for one.
    #[schema(max_length = 64, example = "123456")]
    code: Option<String>,
}

/// A factor that waits to be confirmed.
#[derive(Serialize, ToSchema)]
#[schema(as = NewSecondFactor)]
pub(crate) struct NewFactorBody {
    /// What the authenticator makes codes from, in Base32. It is not shown again.
    #[schema(pattern = "^[A-Z2-7]{32}$")]
    secret: String,
    /// The same as an address that an authenticator reads from a picture.
    #[schema(example = "otpauth://totp/Daybook:ada%40example.org?secret=…&issuer=Daybook")]
    uri: String,
}

/// A code of the factor that waits.
#[derive(ToSchema)]
#[schema(as = SecondFactorConfirmation)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct ConfirmationBody {
    /// The six digits that the authenticator shows now. Spaces between them do not matter.
    #[schema(pattern = r"^\s*([0-9]\s*){6}$", max_length = 18, example = "123456")]
    code: String,
}

/// Codes for the day on which the authenticator is lost.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesBody {
    /// Each is good once, in place of a code of the authenticator. They are not shown again.
    #[schema(min_items = 10, max_items = 10)]
    recovery_codes: Vec<String>,
}

/// Begin to use a second factor
///
/// Nothing is asked for before a code of it was shown to `/confirm`. Beginning again replaces what was not confirmed.
#[utoipa::path(
    operation_id = "begin_second_factor",
    tag = "accounts",
    request_body = ProofBody,
    responses((status = 200, description = "What the authenticator needs", body = NewFactorBody)),
    security(("access_token" = []))
)]
#[post("/api/v1/users/me/totp")]
pub(crate) async fn begin(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (proof, address) = shown(&request, &caller, &body)?;
    let factor = services.second_factor.begin(&caller, proof, address).await?;
    Ok(HttpResponse::Ok().json(NewFactorBody {
        secret: factor.secret.base32(),
        uri: factor.uri,
    }))
}

/// Put the second factor into use
///
/// From then on it is asked for at every sign-in, and to change password, address or factor.
#[utoipa::path(
    operation_id = "confirm_second_factor",
    tag = "accounts",
    request_body = ConfirmationBody,
    responses((status = 200, description = "In use", body = RecoveryCodesBody)),
    security(("access_token" = []))
)]
#[post("/api/v1/users/me/totp/confirm")]
pub(crate) async fn confirm(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let code = Fields::read_by(&caller, body.text()?, &["code"], |body| {
        body.required("code", |text: Cow<'_, str>| TotpCode::parse(&text))
    })?;
    let address = Some(ClientAddress::of(&request).0);
    let codes = services.second_factor.confirm(&caller, &code, address).await?;
    Ok(recovery_codes(&codes))
}

/// Take the second factor out of use
#[utoipa::path(
    operation_id = "remove_second_factor",
    tag = "accounts",
    request_body = ProofBody,
    responses((status = 204, description = "Out of use")),
    security(("access_token" = []))
)]
#[delete("/api/v1/users/me/totp")]
pub(crate) async fn remove(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (proof, address) = shown(&request, &caller, &body)?;
    services.second_factor.remove(&caller, proof, address).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make new recovery codes
///
/// The old ones are good for nothing from then on.
#[utoipa::path(
    operation_id = "renew_recovery_codes",
    tag = "accounts",
    request_body = ProofBody,
    responses((status = 200, description = "Made", body = RecoveryCodesBody)),
    security(("access_token" = []))
)]
#[post("/api/v1/users/me/totp/recovery-codes")]
pub(crate) async fn renew_codes(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    let (proof, address) = shown(&request, &caller, &body)?;
    let codes = services.second_factor.renew_codes(&caller, proof, address).await?;
    Ok(recovery_codes(&codes))
}

fn recovery_codes(codes: &[RecoveryCode]) -> HttpResponse {
    HttpResponse::Ok().json(RecoveryCodesBody {
        recovery_codes: codes.iter().map(RecoveryCode::text).collect(),
    })
}
