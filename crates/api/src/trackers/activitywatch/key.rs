//! Who is asking, by an API key: in the path, or in the header `Authorization`, as `Bearer` or as the `Basic` that a client makes of a file of passwords.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use domain::accounts::{ApiKeyText, Caller, Scope};
use futures_util::future::LocalBoxFuture;

use super::super::asking;
use super::origin;
use crate::address::ClientAddress;
use crate::caller::{authenticate, not_for_keys};
use crate::limits;
use crate::problem::Problem;

/// The part of a path that is the key.
const KEY: &str = "key";

/// A key that may send events.
pub(super) struct Writing(pub(super) Caller);

/// A key that may read back what was sent.
pub(super) struct Reading(pub(super) Caller);

impl FromRequest for Writing {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = recognised(&request, Scope::PingsWrite).await?;
            limits::await_device(&request, &caller).await?;
            Ok(Self(caller))
        })
    }
}

impl FromRequest for Reading {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let caller = recognised(&request, Scope::ReportsRead).await?;
            limits::admit(&request, Ok(caller)).map(Self)
        })
    }
}

/// Whose key the request shows, if it has `scope`. Whoever shows none is counted by their address.
async fn recognised(request: &HttpRequest, scope: Scope) -> Result<Caller, Problem> {
    origin::note(request);
    let by = match shown(request) {
        Some(key) => asking::holder(request, &key).await,
        None => Err(Problem::unauthenticated(
            "send an API key of yours, as it was shown when you made it: Authorization: Bearer KEY, or the path /aw/KEY/api/0",
            "Bearer",
        )),
    };
    let by = by.map_err(|problem| limits::refuse(request, problem))?;
    // For the request's line in the log.
    request.extensions_mut().insert(by.caller.user);
    if !by.may(Some(scope)) {
        return Err(not_for_keys(Some(scope)));
    }
    authenticate(request).used(&by, Some(ClientAddress::of(request).0));
    Ok(by.caller)
}

/// The key in the path, where the path has a place for one, or else that in the header.
fn shown(request: &HttpRequest) -> Option<ApiKeyText> {
    if let Some(key) = request.match_info().get(KEY) {
        return ApiKeyText::parse(key);
    }
    asking::in_header(request)
}
