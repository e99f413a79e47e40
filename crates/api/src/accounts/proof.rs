//! What a person shows once more before something that a stranger at their desk must not do.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use domain::accounts::{Caller, Password};
use domain::fault::Fault;
use services::accounts::Proof;

use crate::address::ClientAddress;
use crate::body::JsonBody;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::query::Query;

/// More than any code has: what is longer is no code.
const CODE_CHARS_MAX: usize = 64;

/// What a request whose body holds nothing else shows, and where it came from.
///
/// # Errors
/// A query, which no such request has, and every fault of the body.
pub(super) fn shown(
    request: &HttpRequest,
    caller: &Caller,
    body: &JsonBody,
) -> Result<(Proof, Option<IpAddr>), Problem> {
    Query::none(request, Some(caller))?;
    let proof = Fields::read_by(caller, body.text()?, &["password", "code"], proof)?;
    Ok((proof, Some(ClientAddress::of(request).0)))
}

/// The fields `password` and `code` of a body.
pub(super) fn proof(body: &mut Fields<'_>) -> Option<Proof> {
    let password = body.required("password", |text: Cow<'_, str>| Ok(bounded(&text)));
    let code = body.optional("code", None, |text: Cow<'_, str>| code(&text).map(Some));
    Some(Proof {
        password: password?,
        code: code?,
    })
}

/// No password is longer than its limit, so one character more is as wrong as a million, and cheaper to hash.
fn bounded(attempt: &str) -> String {
    attempt.chars().take(Password::CHARS_MAX + 1).collect()
}

fn code(text: &str) -> Result<String, Fault> {
    if text.chars().nth(CODE_CHARS_MAX).is_some() {
        let detail = format!("must be at most {CODE_CHARS_MAX} characters long");
        return Err(Fault::new("code", "too_long", detail));
    }
    Ok(text.to_owned())
}
