//! Who is asking, by an API key in any of the forms in which clients of WakaTime send it.

use std::borrow::Cow;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use domain::accounts::{ApiKeyText, Caller, Email, Scope, Scopes};
use domain::usage::Patience;
use futures_util::future::LocalBoxFuture;
use services::accounts::{AccountsError, Authenticated};
use uuid::Uuid;

use super::super::asking;
use crate::Services;
use crate::address::ClientAddress;
use crate::caller::{authenticate, not_for_keys};
use crate::limits;
use crate::problem::{Problem, ProblemType};
use crate::query::decode;

/// The parameter of a query that may hold the key.
const PARAMETER: &str = "api_key";
/// Who shows the key, in the part of a path that names somebody.
const CURRENT: &str = "current";

/// Marks a request to which pages of every origin may see the answer.
#[derive(Clone, Copy)]
pub(crate) struct Open;

/// A key that may send heartbeats.
pub(super) struct Sending {
    pub(super) caller: Caller,
    pub(super) patience: Patience,
    /// Why nothing of the request is taken, where the device has sent too many.
    pub(super) too_many: Option<Problem>,
}

/// A key that may read reports.
pub(super) struct Reading(pub(super) Caller);

/// Any key.
pub(super) struct Known {
    pub(super) caller: Caller,
    pub(super) scopes: Scopes,
}

impl FromRequest for Sending {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let by = recognised(&request, Some(Scope::PingsWrite)).await?;
            Ok(Self {
                caller: by.caller,
                patience: by.patience,
                too_many: limits::count_device(&request, &by.caller).err(),
            })
        })
    }
}

impl FromRequest for Reading {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let by = recognised(&request, Some(Scope::ReportsRead)).await?;
            limits::admit(&request, Ok(by.caller)).map(Self)
        })
    }
}

impl FromRequest for Known {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let by = recognised(&request, None).await?;
            let caller = limits::admit(&request, Ok(by.caller))?;
            let scopes = by.scopes.ok_or(AccountsError::TokenRefused)?;
            Ok(Self { caller, scopes })
        })
    }
}

/// Whose key the request shows, if it has `scope` and the path names nobody else. Whoever shows none is counted by their address.
async fn recognised(request: &HttpRequest, scope: Option<Scope>) -> Result<Authenticated, Problem> {
    request.extensions_mut().insert(Open);
    let by = asked(request)
        .await
        .map_err(|problem| limits::refuse(request, problem))?;
    // For the request's line in the log.
    request.extensions_mut().insert(by.caller.user);
    if scope.is_some() && !by.may(scope) {
        return Err(not_for_keys(scope));
    }
    expect_own(request, &by.caller).await?;
    authenticate(request).used(&by, Some(ClientAddress::of(request).0));
    Ok(by)
}

async fn asked(request: &HttpRequest) -> Result<Authenticated, Problem> {
    let key = shown(request).ok_or_else(|| {
        Problem::unauthenticated(
            "send an API key of yours, as it was shown when you made it: Authorization: Basic BASE64-OF-THE-KEY",
            "Bearer",
        )
    })?;
    asking::holder(request, &key).await
}

/// The key that the header shows, or else the query.
fn shown(request: &HttpRequest) -> Option<ApiKeyText> {
    asking::in_header(request).or_else(|| of_query(request.query_string()))
}

fn of_query(query: &str) -> Option<ApiKeyText> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == PARAMETER)?;
    let value: Cow<'_, str> = decode(value).ok()?;
    ApiKeyText::parse(&value)
}

/// Makes sure that a path which names somebody by an id or an address names the caller.
async fn expect_own(request: &HttpRequest, caller: &Caller) -> Result<(), Problem> {
    let named = request.match_info().get("user").unwrap_or(CURRENT);
    let is_own = if named == CURRENT {
        true
    } else if let Ok(id) = Uuid::try_parse(named) {
        id == caller.user.0
    } else if let (Ok(email), Some(services)) = (Email::parse(named), request.app_data::<web::Data<Services>>()) {
        email == services.profile.show(caller).await?.email
    } else {
        false
    };
    if is_own {
        return Ok(());
    }
    Err(Problem::new(
        ProblemType::NotYours,
        "the path names somebody else than the key speaks for; write current",
    ))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};
    use proptest::prelude::*;

    use super::super::super::asking::of_header;
    use super::*;

    const KEY: &str = "0123abcd-4567-489a-bcde-f0123456789a";

    #[test]
    fn every_form_in_which_clients_send_a_key_is_that_key() {
        let key = ApiKeyText::parse(KEY);
        for text in [KEY.to_owned(), format!("waka_{KEY}")] {
            let colon = format!("{text}:");
            for header in [
                format!("Basic {}", BASE64_STANDARD.encode(&text)),
                format!("Basic {}", BASE64_STANDARD.encode(&colon)),
                format!("Basic {}", BASE64_STANDARD_NO_PAD.encode(&colon)),
                format!("Basic {}", BASE64_URL_SAFE.encode(&text)),
                format!("basic  {}", BASE64_STANDARD.encode(format!("ada:{text}"))),
                format!("Bearer {}", BASE64_STANDARD.encode(&text)),
                format!("BEARER {}", BASE64_STANDARD.encode(&colon)),
                format!("Bearer {text}"),
            ] {
                assert_eq!(of_header(&header), key, "{header}");
            }
            for query in [
                format!("api_key={text}"),
                format!("date=2026-03-01&api_key={text}&x"),
                format!("api_key={}", text.replace('-', "%2D")),
            ] {
                assert_eq!(of_query(&query), key, "{query}");
            }
        }
    }

    #[test]
    fn anything_else_shows_none() {
        for header in [
            String::new(),
            KEY.to_owned(),
            format!("Basic {KEY}"),
            format!("Token {KEY}"),
            format!("Bearer {}", KEY.to_uppercase()),
            format!("Basic {}", BASE64_STANDARD.encode(KEY.replace("-4", "-7"))),
            format!("Basic {}", BASE64_STANDARD.encode([0xff, 0xfe])),
            format!("Basic {}", "QUFB".repeat(100_000)),
        ] {
            assert_eq!(of_header(&header), None);
        }
        for query in [
            "",
            "api_key",
            "api_key=",
            "api_key=%zz",
            &format!("key={KEY}"),
            &format!("api_keys={KEY}"),
        ] {
            assert_eq!(of_query(query), None, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_shows_a_key_or_none(header in "(Basic|Bearer)? ?.{0,60}", query in ".{0,40}") {
            of_header(&header);
            of_query(&query);
        }
    }
}
