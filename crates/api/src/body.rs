//! Reads the body of a request: JSON by its own word, of bounded size, within a bounded time.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;

use crate::problem::{Problem, ProblemType};

/// How much of a body is taken, and how long it may take to arrive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: usize,
    pub(crate) arrives_within: Duration,
}

/// The text of a JSON body.
pub(crate) struct JsonBody(Bytes);

impl JsonBody {
    /// The body of `request`.
    ///
    /// # Errors
    /// A body that is not JSON by its own word, too large, too slow, cut short or not UTF-8.
    pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        expect_json(request.headers())?;
        arrived(request, payload).await.map(Self)
    }

    /// The body of `request`, if it has one.
    ///
    /// # Errors
    /// A body that is there and cannot be read.
    pub(crate) async fn read_if_any(request: &HttpRequest, payload: Payload) -> Result<Option<Self>, Problem> {
        let body = arrived(request, payload).await?;
        if body.is_empty() {
            return Ok(None);
        }
        expect_json(request.headers())?;
        Ok(Some(Self(body)))
    }

    /// The bytes of the body of `request`, whatever it calls them: for those who cannot be made to say what they send.
    ///
    /// # Errors
    /// A body that is packed, too large, too slow or cut short.
    pub(crate) async fn bytes(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
        expect_unpacked(request.headers())?;
        arrived(request, payload).await
    }

    /// The text.
    ///
    /// # Errors
    /// Bytes that are no text.
    pub(crate) fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.0).map_err(|_| Problem::new(ProblemType::MalformedBody, "the body is not UTF-8"))
    }
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { Self::read(&request, payload).await })
    }
}

/// The body of a request that a form of a page sent.
///
/// # Errors
/// A body that is no form by its own word, too large, too slow or cut short.
pub(crate) async fn form(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let media_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let media_type = media_type.and_then(|value| value.split(|byte| *byte == b';').next());
    if !media_type.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(FORM)) {
        let detail = "the body must be what a form of the page sends";
        return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    }
    arrived(request, payload).await
}

/// The bytes of a body, once all of them are here.
async fn arrived(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let limits = request.app_data::<web::Data<BodyLimits>>();
    let limits = limits.expect("the app is built with its limits");
    expect_length(request.headers(), limits.bytes_max)?;
    let body = timeout(limits.arrives_within, gather(payload, limits.bytes_max)).await;
    body.unwrap_or_else(|_| {
        let secs = limits.arrives_within.as_secs_f32();
        let detail = format!("the body must arrive within {secs} seconds");
        Err(Problem::new(ProblemType::BodyTimeout, detail))
    })
}

async fn gather(mut payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    // Nearly every body arrives in one part, which is taken as it is.
    let first = part(payload.next().await, 0, bytes_max)?.unwrap_or_default();
    let Some(second) = part(payload.next().await, first.len(), bytes_max)? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    while let Some(next) = part(payload.next().await, whole.len(), bytes_max)? {
        whole.extend_from_slice(&next);
    }
    Ok(whole.freeze())
}

/// The next part of a body of which `before` bytes are here.
fn part(next: Option<Result<Bytes, PayloadError>>, before: usize, bytes_max: usize) -> Result<Option<Bytes>, Problem> {
    match next {
        Some(Ok(part)) if before + part.len() > bytes_max => Err(too_large(bytes_max)),
        Some(Ok(part)) => Ok(Some(part)),
        Some(Err(_)) => {
            let detail = "the body could not be read to its end";
            Err(Problem::new(ProblemType::MalformedBody, detail))
        }
        None => Ok(None),
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("at most {bytes_max} bytes are taken; send less at a time");
    Problem::new(ProblemType::BodyTooLarge, detail)
}

fn expect_length(headers: &HeaderMap, bytes_max: usize) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse::<u64>().ok());
    match length {
        Some(length) if usize::try_from(length).map_or(true, |length| length > bytes_max) => Err(too_large(bytes_max)),
        _ => Ok(()),
    }
}

fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: &'static str| Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    let content_type = headers
        .get(CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    if !content_type.is_some_and(is_json) {
        return refused("send JSON in UTF-8, and say so: Content-Type: application/json");
    }
    expect_unpacked(headers)
}

fn expect_unpacked(headers: &HeaderMap) -> Result<(), Problem> {
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let detail = "send the body as it is, without Content-Encoding";
        return Err(Problem::new(ProblemType::UnsupportedMediaType, detail));
    }
    Ok(())
}

/// Whether a media type is JSON in UTF-8, which is what JSON is (RFC 8259, section 8.1), whether it says so or not.
fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let value = value.trim().trim_matches('"');
                value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_is_json() {
        for (media_type, is) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            (r#"application/json;charset="utf-8""#, true),
            ("application/json; profile=x", true),
            ("application/json; charset=latin1", false),
            ("application/jsonp", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(is_json(media_type), is, "{media_type}");
        }
    }
}
