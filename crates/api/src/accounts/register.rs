//! `POST /api/v1/users/register`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::accounts::{Email, FullName, Password, User};
use domain::fault::Fault;
use domain::reports::Zone;
use domain::time::UnixMs;
use serde::Serialize;
use services::accounts::Registration;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{ValidateEmail, ValidateLength};

use crate::Services;
use crate::address::ClientAddress;
use crate::answer::text;
use crate::body::JsonBody;
use crate::calendar::zone;
use crate::fields::Fields;
use crate::limits::ByAddress;
use crate::problem::Problem;
use crate::query::Query;

/// Who wants to be registered.
#[derive(ToSchema)]
#[schema(as = Registration)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct RegistrationBody {
    /// What the person will sign in with; compared without regard to case.
    #[schema(format = Email, max_length = 254, example = "ada@example.org")]
    email: String,
    #[schema(format = Password, min_length = 8, max_length = 256, example = "correct horse battery staple")]
    password: String,
    #[schema(min_length = 1, max_length = 200, example = "Ada Lovelace")]
    full_name: String,
    /// The zone in which the person's days are counted: a name of the IANA database; `UTC` when it is not given.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
}

/// A person who has been registered.
#[derive(Serialize, ToSchema)]
#[schema(as = Registered)]
pub(crate) struct RegisteredBody<'a> {
    id: Uuid,
    #[schema(format = Email)]
    email: &'a str,
    full_name: &'a str,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, example = "Europe/Berlin")]
    timezone: Zone,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime, example = "2026-03-01T09:00:00Z")]
    created_at: UnixMs,
}

/// Register a person
///
/// Nobody is signed in by it: that is the next call.
#[utoipa::path(
    tag = "accounts",
    request_body = RegistrationBody,
    responses((status = 201, description = "Registered", body = RegisteredBody))
)]
#[post("/api/v1/users/register")]
pub(crate) async fn register(
    _: ByAddress,
    request: HttpRequest,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, None)?;
    let registration = Fields::read(
        body.text()?,
        &["email", "password", "full_name", "timezone"],
        registration,
    )?;
    let address = Some(ClientAddress::of(&request).0);
    let user = services.register.register(registration, address).await?;
    Ok(HttpResponse::Created().json(RegisteredBody::from(&user)))
}

fn registration(body: &mut Fields<'_>) -> Option<Registration> {
    let email = body.required("email", |text: Cow<'_, str>| new_email(&text));
    let password = body.required("password", |text: Cow<'_, str>| Password::parse(&text));
    let full_name = body.required("full_name", |text: Cow<'_, str>| FullName::parse(&text));
    let timezone = body.optional("timezone", Zone::UTC, |name: Cow<'_, str>| zone("timezone", &name));
    Some(Registration {
        email: email?,
        password: password?,
        full_name: full_name?,
        timezone: timezone?,
    })
}

/// An address that mail can be sent to, by its shape: narrower than what the domain holds possible, as a new address is typed by a person.
pub(super) fn new_email(text: &str) -> Result<Email, Fault> {
    let email = Email::parse(text)?;
    let bytes_max = u64::try_from(Email::BYTES_MAX).ok();
    if email.as_str().validate_email() && email.as_str().validate_length(Some(3), bytes_max, None) {
        return Ok(email);
    }
    let detail = "must be an e-mail address such as name@example.org";
    Err(Fault::new("email", "invalid_email", detail))
}

impl<'a> From<&'a User> for RegisteredBody<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.as_str(),
            full_name: user.full_name.as_str(),
            timezone: user.timezone,
            created_at: user.created_at,
        }
    }
}
