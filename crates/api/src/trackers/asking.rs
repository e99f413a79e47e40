//! Whose key a tracker shows, in whatever form its protocol has for it.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::accounts::ApiKeyText;
use services::accounts::{Authenticated, Shown};

use crate::caller::authenticate;
use crate::limits;
use crate::problem::Problem;

/// The most bytes of what is taken for base64 of a key, with a colon and some room.
const ENCODED_BYTES_MAX: usize = 128;

/// Whom `key` speaks for. One that this node has not seen lately is counted by its address before it is asked for: asking for keys that are none must not be for
/// free.
///
/// # Errors
/// A key that is none of ours or no longer, or something outside.
pub(super) async fn holder(request: &HttpRequest, key: &ApiKeyText) -> Result<Authenticated, Problem> {
    let authenticate = authenticate(request);
    match authenticate.authenticate(&key.text())? {
        Shown::Known(by) => Ok(by),
        Shown::Key(key) => {
            limits::count_unknown(request)?;
            Ok(authenticate.ask(&key).await?)
        }
    }
}

/// The key that the header of a request shows.
pub(super) fn in_header(request: &HttpRequest) -> Option<ApiKeyText> {
    let mut given = request.headers().get_all(AUTHORIZATION);
    let header = given.next().filter(|_| given.next().is_none())?;
    of_header(header.to_str().ok()?)
}

/// `Basic` or `Bearer` with the key in base64, with or without a colon behind it, or `Bearer` with the key as it is.
pub(super) fn of_header(header: &str) -> Option<ApiKeyText> {
    let (scheme, credentials) = header.trim().split_once(' ')?;
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if !is("basic") && !is("bearer") {
        return None;
    }
    let credentials = credentials.trim();
    let plain = is("bearer").then(|| ApiKeyText::parse(credentials)).flatten();
    plain.or_else(|| of_base64(credentials))
}

/// In either alphabet, filled up or not: clients differ.
fn of_base64(text: &str) -> Option<ApiKeyText> {
    if text.len() > ENCODED_BYTES_MAX {
        return None;
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = [STANDARD, URL_SAFE].into_iter().find_map(|alphabet| {
        let bytes = GeneralPurpose::new(&alphabet, config).decode(text).ok()?;
        String::from_utf8(bytes).ok()
    });
    let decoded = decoded?;
    let mut parts = decoded.split(':').map(str::trim);
    parts.find_map(ApiKeyText::parse)
}
