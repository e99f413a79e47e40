//! What every answer tells browsers not to do with it.

use actix_web::http::header::{
    HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// An answer of the API is no page: it loads nothing and is shown nowhere.
pub(crate) const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";
/// A year. Other hosts below the domain are not ours to speak for.
const INSIST_ON_TLS: &str = "max-age=31536000";

/// The headers beside the policy; with the one that insists on TLS where the server is reached through it.
pub(crate) fn all(https: bool) -> Vec<(HeaderName, HeaderValue)> {
    let always = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let tls = https.then_some((STRICT_TRANSPORT_SECURITY, INSIST_ON_TLS));
    let all = always.into_iter().chain(tls);
    all.map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}
