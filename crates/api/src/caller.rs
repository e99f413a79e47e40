//! Who is asking: the access token says so, and nothing else does.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use domain::accounts::Caller;
use uuid::Uuid;

use crate::Services;
use crate::problem::{Problem, ProblemType};

/// Names that say whose data a request is about. They are accepted where they agree with the token, and choose nothing.
pub(crate) const OWNER_FIELDS: [&str; 2] = ["user_id", "device_id"];

/// The caller that the request's bearer token speaks for.
pub(crate) struct Bearer(pub(crate) Caller);

impl FromRequest for Bearer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(verify(request).map(|caller| {
            // For the request's line in the log.
            request.extensions_mut().insert(caller.user);
            Self(caller)
        }))
    }
}

fn verify(request: &HttpRequest) -> Result<Caller, Problem> {
    let refused = || {
        Problem::unauthenticated(
            "the access token is not valid, or no longer; refresh it, or sign in again",
            r#"Bearer error="invalid_token""#,
        )
    };
    let mut given = request.headers().get_all(AUTHORIZATION);
    let token = match (given.next(), given.next()) {
        (None, _) => {
            return Err(Problem::unauthenticated(
                "send an access token: Authorization: Bearer TOKEN",
                "Bearer",
            ));
        }
        (Some(one), None) => one.to_str().ok().and_then(bearer_token).ok_or_else(refused)?,
        (Some(_), Some(_)) => return Err(refused()),
    };
    let services = request.app_data::<web::Data<Services>>();
    let services = services.expect("the app is built with its services");
    services
        .access_tokens
        .verify(token, services.clock.now())
        .ok_or_else(refused)
}

/// The token of `Bearer TOKEN`; the scheme is written in any case (RFC 9110, section 11.1).
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

/// Makes sure that the value of the field `name`, where that is an owner's, is the caller's own.
///
/// # Errors
/// A value that is another's or nobody's.
pub(crate) fn check_owner(caller: &Caller, name: &str, value: Option<Cow<'_, str>>) -> Result<(), Problem> {
    let own = match name {
        "user_id" => caller.user.0,
        "device_id" => caller.device.0,
        _ => return Ok(()),
    };
    let named = value.and_then(|text| Uuid::try_parse(&text).ok());
    if named == Some(own) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemType::NotYours,
        format!("{name} is not the one that the token speaks for; leave it out"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc"), Some("abc"));
        for other in ["", "Bearer", "Basic abc", "Bearerabc"] {
            assert_eq!(bearer_token(other), None, "{other}");
        }
    }
}
