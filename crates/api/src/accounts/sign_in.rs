//! `POST /api/v1/auth/login`.

use std::borrow::Cow;
use std::time::Instant;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::{DeviceKey, Email, device_text};
use domain::fault::Fault;
use services::accounts::{AccountsError, SignInAttempt};
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::proof::proof;
use crate::accounts::refusal::end_of_step;
use crate::accounts::{SignedInBody, answer};
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::cross_site;
use crate::door::Door;
use crate::faults::FieldFault;
use crate::fields::Fields;
use crate::limits::ByAddress;
use crate::problem::Problem;
use crate::query::Query;

/// Where the client's own name of its device stands.
const DEVICE_HEADER: &str = "X-Device-Id";

/// Who signs in.
#[derive(ToSchema)]
#[schema(as = SignIn)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct SignInBody {
    #[schema(example = "ada@example.org")]
    email: String,
    #[schema(format = Password, example = "correct horse battery staple")]
    password: String,
    /// The code of the second factor, or a recovery code, where the account asks for one: 401 with the type `…:second_factor_required` says so.
    #[schema(max_length = 64, example = "123456")]
    code: Option<String>,
    /// What the device is called; kept as it is when not given, at first the value of `X-Device-Id`.
    #[schema(min_length = 1, max_length = 128, example = "Ada's laptop")]
    device_name: Option<String>,
    /// What the device runs on; kept as it is when not given.
    #[schema(min_length = 1, max_length = 128, example = "linux")]
    platform: Option<String>,
}

/// Sign a device in
///
/// A device that is signed in already gets a new session, and the old one ends. Of a person's devices, the one that signed in last wins an instant that
/// several claim, until the person has ordered them. After several failures in a row for an account from an address, the next attempt has to wait (429).
#[utoipa::path(
    tag = "accounts",
    params(("session" = Option<String>, Query, description = "`cookie`, for a page of this server: the refresh token goes into a cookie that no script can \
        read, and not into the body. Refused with 403 where the browser says that the request comes from elsewhere, or does not say.",
        pattern = "^cookie$", example = "cookie"),
        ("X-Device-Id" = String, Header, description = "The client's own name for its device, stable across sign-ins: 1 to 128 visible ASCII characters",
        min_length = 1, max_length = 128, pattern = "^[!-~]+$", example = "laptop-7f3a")),
    request_body = SignInBody,
    responses((status = 200, description = "Signed in", body = SignedInBody))
)]
#[post("/api/v1/auth/login")]
pub(crate) async fn login(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
    door: web::Data<Door>,
) -> Result<HttpResponse, Problem> {
    let in_cookie = Query::read(&request, None, &["session"], |query| {
        query.optional("session", false, session)
    })?;
    if in_cookie {
        cross_site::check(&request)?;
    }
    let fields = Fields::of_body(body.text()?, &["email", "password", "code", "device_name", "platform"])?;
    let attempt = fields.into_value(|body| attempt(&request, body))?;
    let asked = Instant::now();
    let signed_in = services.sign_in.sign_in(attempt).await;
    if matches!(signed_in, Err(AccountsError::SignInRefused)) {
        end_of_step(asked).await;
    }
    let signed_in = signed_in?;
    Ok(answer(&signed_in, in_cookie.then_some(door.refresh_cookie)))
}

/// Whether the refresh token goes into a cookie.
fn session(text: &str) -> Result<bool, Fault> {
    match text {
        "cookie" => Ok(true),
        _ => Err(Fault::new("session", "unknown_session", "must be cookie, or not given")),
    }
}

fn attempt(request: &HttpRequest, body: &mut Fields<'_>) -> Option<SignInAttempt> {
    let key = body.beside(device_key(request.headers()));
    // What is no address is the address of nobody: that must look like a wrong password.
    let email = body.required("email", |text: Cow<'_, str>| Ok(Email::parse(&text).ok()));
    let proof = proof(body);
    let device_name = body.optional("device_name", None, |text: Cow<'_, str>| {
        device_text("device_name", &text).map(Some)
    });
    let platform = body.optional("platform", None, |text: Cow<'_, str>| {
        device_text("platform", &text).map(Some)
    });
    Some(SignInAttempt {
        email: email?,
        proof: proof?,
        key: key?,
        device_name: device_name?,
        platform: platform?,
        address: Some(ClientAddress::of(request).0),
    })
}

/// The key that the client chose for its device.
pub(super) fn device_key(headers: &HeaderMap) -> Result<DeviceKey, FieldFault> {
    let mut given = headers.get_all(DEVICE_HEADER);
    let pointer = || format!("/headers/{DEVICE_HEADER}");
    match (given.next(), given.next()) {
        (None, _) => Err(FieldFault::new(pointer(), "required", "must be given")),
        (Some(key), None) => {
            let key = DeviceKey::parse(key.to_str().unwrap_or_default());
            key.map_err(|fault| FieldFault::of("/headers", fault))
        }
        (Some(_), Some(_)) => Err(FieldFault::new(pointer(), "duplicate", "must not be given twice")),
    }
}
