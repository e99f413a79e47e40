//! `POST /api/v1/auth/login`.

use std::borrow::Cow;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::{DeviceKey, Email, Password, device_text};
use services::accounts::SignInAttempt;
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::SignedInBody;
use crate::body::JsonBody;
use crate::faults::FieldFault;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// Where the client's own name of its device stands.
const DEVICE_HEADER: &str = "X-Device-Id";

/// Who signs in.
#[derive(ToSchema)]
#[schema(as = SignIn)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct SignInBody {
    #[schema(example = "ada@example.org")]
    email: String,
    #[schema(format = Password, example = "correct horse battery staple")]
    password: String,
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
/// several claim.
#[utoipa::path(
    tag = "accounts",
    params(("X-Device-Id" = String, Header, description = "The client's own name for its device, stable across sign-ins: 1 to 128 visible ASCII characters",
        min_length = 1, max_length = 128, example = "laptop-7f3a")),
    request_body = SignInBody,
    responses((status = 200, description = "Signed in", body = SignedInBody))
)]
#[post("/api/v1/auth/login")]
pub(crate) async fn login(
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let fields = Fields::of_body(body.text()?, &["email", "password", "device_name", "platform"])?;
    let attempt = fields.into_value(|body| attempt(request.headers(), body))?;
    let signed_in = services.sign_in.sign_in(attempt).await?;
    Ok(HttpResponse::Ok().json(SignedInBody::from(&signed_in)))
}

fn attempt(headers: &HeaderMap, body: &mut Fields<'_>) -> Option<SignInAttempt> {
    let key = body.beside(device_key(headers));
    // What is no address is the address of nobody: that must look like a wrong password.
    let email = body.required("email", |text: Cow<'_, str>| Ok(Email::parse(&text).ok()));
    let password = body.required("password", |text: Cow<'_, str>| Ok(bounded(&text)));
    let device_name = body.optional("device_name", None, |text: Cow<'_, str>| {
        device_text("device_name", &text).map(Some)
    });
    let platform = body.optional("platform", None, |text: Cow<'_, str>| {
        device_text("platform", &text).map(Some)
    });
    Some(SignInAttempt {
        email: email?,
        password: password?,
        key: key?,
        device_name: device_name?,
        platform: platform?,
    })
}

/// No password is longer than its limit, so one character more is as wrong as a million, and cheaper to hash.
fn bounded(attempt: &str) -> String {
    attempt.chars().take(Password::CHARS_MAX + 1).collect()
}

fn device_key(headers: &HeaderMap) -> Result<DeviceKey, FieldFault> {
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
