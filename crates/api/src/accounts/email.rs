//! `POST /api/v1/users/me/email`.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, post, web};
use utoipa::ToSchema;

use crate::Services;
use crate::accounts::profile::ProfileBody;
use crate::accounts::proof::proof;
use crate::accounts::register::new_email;
use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::caller::Bearer;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// Another address.
#[derive(ToSchema)]
#[schema(as = EmailChange)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "tells what the body may hold; it is read field by field")]
pub(crate) struct EmailChangeBody {
    /// What the person will sign in with.
    #[schema(format = Email, max_length = 254, example = "ada@example.org")]
    email: String,
    #[schema(format = Password)]
    password: String,
    /// The code of the second factor, or a recovery code, where the account asks for one.
    #[schema(max_length = 64, example = "123456")]
    code: Option<String>,
}

/// Change one's own e-mail address
///
/// The address before is told of it by mail.
#[utoipa::path(
    operation_id = "change_email",
    tag = "accounts",
    request_body = EmailChangeBody,
    responses((status = 200, description = "The profile afterwards", body = ProfileBody)),
    security(("access_token" = []))
)]
#[post("/api/v1/users/me/email")]
pub(crate) async fn change(
    request: HttpRequest,
    Bearer(caller): Bearer,
    body: JsonBody,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let (email, proof) = Fields::read_by(&caller, body.text()?, &["email", "password", "code"], |body| {
        let email = body.required("email", |text: Cow<'_, str>| new_email(&text));
        let proof = proof(body);
        Some((email?, proof?))
    })?;
    let address = Some(ClientAddress::of(&request).0);
    let user = services.change_email.change(&caller, proof, &email, address).await?;
    Ok(HttpResponse::Ok().json(ProfileBody::from(&user)))
}
