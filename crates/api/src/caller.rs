//! Who is asking: the access token or the API key says so, as long as its session goes on, and nothing else does.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use domain::accounts::{Caller, Scope};
use futures_util::future::{Either, LocalBoxFuture};
use services::accounts::{AccountsError, Authenticate, Authenticated, Shown};
use uuid::Uuid;

use crate::Services;
use crate::address::ClientAddress;
use crate::limits;
use crate::problem::{Problem, ProblemType};

/// Names that say whose data a request is about. They are accepted where they agree with the token, and choose nothing.
pub(crate) const OWNER_FIELDS: [&str; 2] = ["user_id", "device_id"];

/// A person who is signed in: what an API key may never do.
pub(crate) struct Bearer(pub(crate) Caller);

/// A person who is signed in, or an API key that may send pings.
pub(crate) struct Tracker(pub(crate) Caller);

/// A person who is signed in, or an API key that may read reports.
pub(crate) struct Reader(pub(crate) Caller);

/// A person who is signed in, or an API key that may send pings, of which it is known whether it may read reports as well.
pub(crate) struct Importer {
    pub(crate) caller: Caller,
    pub(crate) may_read: bool,
}

/// Who may be let in as what.
trait Admitted: Sized {
    /// What an API key must be allowed to do; `None` where it may not be.
    const SCOPE: Option<Scope>;

    fn new(by: &Authenticated) -> Self;
}

macro_rules! let_in {
    ($($name:ident),*) => {$(
        impl FromRequest for $name {
            type Error = Problem;
            type Future = Verifying<Self>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                verifying(request)
            }
        }
    )*};
}

macro_rules! admitted {
    ($($name:ident needs $scope:expr;)*) => {$(
        impl Admitted for $name {
            const SCOPE: Option<Scope> = $scope;

            fn new(by: &Authenticated) -> Self {
                Self(by.caller)
            }
        }
    )*};
}

admitted! {
    Bearer needs None;
    Tracker needs Some(Scope::PingsWrite);
    Reader needs Some(Scope::ReportsRead);
}

impl Admitted for Importer {
    const SCOPE: Option<Scope> = Some(Scope::PingsWrite);

    fn new(by: &Authenticated) -> Self {
        Self {
            caller: by.caller,
            may_read: by.may(Some(Scope::ReportsRead)),
        }
    }
}

let_in!(Bearer, Tracker, Reader, Importer);

/// Known at once for nearly every request; a key that this node has not seen lately is asked for.
type Verifying<T> = Either<Ready<Result<T, Problem>>, LocalBoxFuture<'static, Result<T, Problem>>>;

fn verifying<T: Admitted + 'static>(request: &HttpRequest) -> Verifying<T> {
    let key = match verify(request) {
        Ok(Shown::Known(known)) => return Either::Left(ready(admit(request, Ok(known)))),
        Ok(Shown::Key(key)) => key,
        Err(problem) => return Either::Left(ready(admit(request, Err(problem)))),
    };
    let request = request.clone();
    Either::Right(Box::pin(async move {
        // Counted by its address first: asking for keys that are none must not be for free.
        limits::count_unknown(&request)?;
        let asked = authenticate(&request).ask(&key).await;
        admit(&request, asked.map_err(Problem::from))
    }))
}

fn admit<T: Admitted>(request: &HttpRequest, verified: Result<Authenticated, Problem>) -> Result<T, Problem> {
    let by = verified.map_err(|problem| limits::refuse(request, problem))?;
    limits::admit(request, Ok(by.caller))?;
    // For the request's line in the log.
    request.extensions_mut().insert(by.caller.user);
    if !by.may(T::SCOPE) {
        return Err(not_for_keys(T::SCOPE));
    }
    if by.scopes.is_some() {
        authenticate(request).used(&by, Some(ClientAddress::of(request).0));
    }
    Ok(T::new(&by))
}

/// The problem of an API key that may not do something.
pub(crate) fn not_for_keys(scope: Option<Scope>) -> Problem {
    let detail = match scope {
        Some(scope) => format!("the API key lacks the scope {}", scope.as_str()),
        None => "an API key may not do this; sign in".to_owned(),
    };
    Problem::new(ProblemType::NotForKeys, detail)
}

/// What tells who a request is from.
pub(crate) fn authenticate(request: &HttpRequest) -> &Authenticate {
    let services = request.app_data::<web::Data<Services>>();
    &services.expect("the app is built with its services").authenticate
}

fn verify(request: &HttpRequest) -> Result<Shown, Problem> {
    let refused = || Problem::from(AccountsError::TokenRefused);
    let mut given = request.headers().get_all(AUTHORIZATION);
    let token = match (given.next(), given.next()) {
        (None, _) => {
            return Err(Problem::unauthenticated(
                "send an access token or an API key: Authorization: Bearer TOKEN",
                "Bearer",
            ));
        }
        (Some(one), None) => one.to_str().ok().and_then(bearer_token).ok_or_else(refused)?,
        (Some(_), Some(_)) => return Err(refused()),
    };
    Ok(authenticate(request).authenticate(token)?)
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
