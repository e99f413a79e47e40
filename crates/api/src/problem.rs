//! What a client is told when something is wrong: RFC 9457 problems, mapped once from the kinds of failure. Never a cause from inside.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use ports::PortError;
use serde::Serialize;
use services::accounts::AccountsError;
use services::reports::ReportsError;
use utoipa::ToSchema;

use crate::faults::{Faults, FieldFault};
use crate::limits::whole_secs;

mod accounts;

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An answer that is no success. A program tells them apart by `type`, which stays as it is; the status is the coarser word for it.
#[derive(Debug)]
pub(crate) struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    problem: ProblemType,
    detail: Cow<'static, str>,
    errors: Vec<FieldFault>,
    down: Vec<&'static str>,
    header: Option<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

/// The sorts of problem that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProblemType {
    /// The body is no JSON, or could not be read to its end.
    MalformedBody,
    /// The query cannot be decoded.
    MalformedQuery,
    /// Nobody is signed in, or no longer.
    Unauthenticated,
    /// The password is right, and the account asks for a second factor.
    SecondFactorRequired,
    /// The request names another person or device than its token.
    NotYours,
    /// An API key may not do this.
    NotForKeys,
    /// Who is signed in has not shown that it is still them.
    ProofRefused,
    /// The request carries a cookie, or asks for one, and comes from another site.
    CrossSite,
    /// Nothing is there.
    UnknownRoute,
    /// The person has nothing of that id.
    NotFound,
    /// Nobody has confirmed the device yet.
    AuthorizationPending,
    /// Nor yet, and it asks too often.
    SlowDown,
    /// A person has turned the device down.
    AccessDenied,
    /// The code of the device is good no longer.
    ExpiredToken,
    /// Something is there, and takes other methods.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// Somebody registered with that address.
    EmailTaken,
    /// There are as many already as there may be.
    LimitReached,
    /// There is one already, or none where there should be one.
    SecondFactorState,
    /// Somebody changed it since it was seen.
    Changed,
    /// The body is larger than the server takes.
    BodyTooLarge,
    /// The body is not JSON by its own word.
    UnsupportedMediaType,
    /// Values that cannot be.
    Invalid,
    /// More requests than are allowed.
    TooManyRequests,
    /// A protocol of others has this, and it is not here.
    NotImplemented,
    /// We are at fault.
    Bug,
    /// Something we stand on is away.
    Unavailable,
}

/// A problem as it is written (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Which sort of problem: a URN that stays as it is.
    #[schema(
        pattern = "^urn:problem-type:daybook:[a-z_]+$",
        example = "urn:problem-type:daybook:invalid"
    )]
    r#type: String,
    /// The sort in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
    /// The word of RFC 8628 for it, where a device asks whether it was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, example = "authorization_pending")]
    code: Option<&'static str>,
    /// Every fault of the request, where it holds values that cannot be.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldFault],
    /// What the server stands on and is away, where that is the answer to `GET /health/ready`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    down: &'a [&'static str],
}

impl ProblemType {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedBody => (StatusCode::BAD_REQUEST, "malformed_body", "The body cannot be read"),
            Self::MalformedQuery => (StatusCode::BAD_REQUEST, "malformed_query", "The query cannot be read"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "Nobody is signed in"),
            Self::SecondFactorRequired => (
                StatusCode::UNAUTHORIZED,
                "second_factor_required",
                "The account asks for a second factor",
            ),
            Self::NotForKeys => (StatusCode::FORBIDDEN, "not_for_keys", "The API key may not do this"),
            Self::ProofRefused => (StatusCode::FORBIDDEN, "proof_refused", "Show again that it is you"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "You have no such thing"),
            Self::LimitReached => (
                StatusCode::CONFLICT,
                "limit_reached",
                "There are as many as there may be",
            ),
            Self::SecondFactorState => (
                StatusCode::CONFLICT,
                "second_factor_state",
                "The second factor is not in the state for this",
            ),
            Self::NotYours => (StatusCode::FORBIDDEN, "not_yours", "The token speaks for somebody else"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site", "The request comes from elsewhere"),
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "unknown_route", "There is nothing here"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "The method is not allowed here",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                "The body did not arrive in time",
            ),
            Self::AuthorizationPending => (
                StatusCode::BAD_REQUEST,
                "authorization_pending",
                "Nobody has confirmed the device yet",
            ),
            Self::SlowDown => (StatusCode::BAD_REQUEST, "slow_down", "The device asks too often"),
            Self::AccessDenied => (StatusCode::BAD_REQUEST, "access_denied", "The device was turned down"),
            Self::ExpiredToken => (StatusCode::BAD_REQUEST, "expired_token", "The code is good no longer"),
            Self::EmailTaken => (StatusCode::CONFLICT, "email_taken", "The e-mail address is taken"),
            Self::Changed => (
                StatusCode::PRECONDITION_FAILED,
                "changed",
                "It is not what you saw any more",
            ),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be JSON",
            ),
            Self::Invalid => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "The request holds values that cannot be",
            ),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "not_implemented", "That is not here"),
            Self::Bug => (StatusCode::INTERNAL_SERVER_ERROR, "bug", "The server made a mistake"),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The server cannot do this just now",
            ),
        }
    }
}

impl ProblemType {
    /// Whether it is an answer to a device that asks whether it was confirmed, whose word is that of RFC 8628, section 3.5.
    fn is_of_device(self) -> bool {
        [
            Self::AuthorizationPending,
            Self::SlowDown,
            Self::AccessDenied,
            Self::ExpiredToken,
        ]
        .contains(&self)
    }
}

impl Problem {
    /// A problem of this sort.
    pub(crate) fn new(problem: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details {
            problem,
            detail: detail.into(),
            errors: Vec::new(),
            down: Vec::new(),
            header: None,
            cause: None,
        }))
    }

    /// Values that cannot be, each with its place.
    pub(crate) fn invalid(faults: Faults) -> Self {
        let errors = faults.into_vec();
        let detail = match errors.len() {
            1 => "one fault; see errors".to_owned(),
            many => format!("{many} faults; see errors"),
        };
        let mut problem = Self::new(ProblemType::Invalid, detail);
        problem.0.errors = errors;
        problem
    }

    /// Nobody is signed in; `challenge` says how one shows that one is (RFC 6750, section 3).
    pub(crate) fn unauthenticated(detail: &'static str, challenge: &'static str) -> Self {
        Self::new(ProblemType::Unauthenticated, detail)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// The methods that a route takes, for a request with another.
    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        Self::new(
            ProblemType::MethodNotAllowed,
            "the Allow header says which methods this route takes",
        )
        .with_header(ALLOW, allow)
    }

    /// More requests than are allowed: there is room for one again after `wait`.
    pub(crate) fn too_many_requests(detail: &'static str, wait: Duration) -> Self {
        let secs = HeaderValue::from(whole_secs(wait).max(1));
        Self::new(ProblemType::TooManyRequests, detail).with_header(RETRY_AFTER, secs)
    }

    /// Something outside is away; `cause` is for the log.
    pub(crate) fn unavailable(cause: String) -> Self {
        let detail = "something the server stands on is away; nothing is lost that was accepted: try again";
        let mut problem = Self::new(ProblemType::Unavailable, detail).with_header(RETRY_AFTER, retry_after());
        problem.0.cause = Some(cause);
        problem
    }

    /// So many requests wait for the turn of their devices that no more may.
    pub(crate) fn crowded() -> Self {
        let mut problem = Self::unavailable("as many requests wait for the turn of their devices as may".to_owned());
        problem.0.detail = "as many requests wait here as may; nothing is lost that was accepted: try again".into();
        problem
    }

    /// The queue has no room; `cause` is for the log.
    fn full(cause: String) -> Self {
        let detail = "the server holds as many pings as it can until they are merged; nothing is lost that was accepted: keep these, and send them again";
        let mut problem = Self::unavailable(cause);
        problem.0.detail = detail.into();
        problem
    }

    /// The parts that the server stands on and that are away; `cause` is for the log.
    pub(crate) fn not_ready(down: Vec<&'static str>, cause: String) -> Self {
        let mut problem = Self::unavailable(cause);
        problem.0.detail = format!("away: {}", down.join(", ")).into();
        problem.0.down = down;
        problem
    }

    /// The cause, for the log: what is wrong on our side, if it is.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    fn bug(cause: String) -> Self {
        let mut problem = Self::new(
            ProblemType::Bug,
            "it has been logged under the request id that this answer carries",
        );
        problem.0.cause = Some(cause);
        problem
    }

    fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }
}

/// When to try again: 1 to 5 seconds, each in turn, so that those who were turned away together do not come back together.
fn retry_after() -> HeaderValue {
    static TURN: AtomicU32 = AtomicU32::new(0);
    const SECS_MAX: u32 = 5;
    HeaderValue::from(1 + TURN.fetch_add(1, Ordering::Relaxed) % SECS_MAX)
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        if error.is_full() {
            Self::full(error.chain())
        } else if error.is_unavailable() {
            Self::unavailable(error.chain())
        } else {
            Self::bug(error.chain())
        }
    }
}

impl From<ReportsError> for Problem {
    fn from(error: ReportsError) -> Self {
        match error {
            ReportsError::Outside(error) => error.into(),
            ReportsError::Invalid(faults) => Self::invalid(Faults::of("/query", faults)),
            ReportsError::AccountGone => AccountsError::AccountGone.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.problem.parts().2, self.0.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.problem.parts().0
    }

    fn error_response(&self) -> HttpResponse {
        let details = &self.0;
        let (status, slug, title) = details.problem.parts();
        let body = ProblemBody {
            r#type: format!("urn:problem-type:daybook:{slug}"),
            title,
            status: status.as_u16(),
            detail: &details.detail,
            code: details.problem.is_of_device().then_some(slug),
            errors: &details.errors,
            down: &details.down,
        };
        let mut answer = HttpResponse::build(status);
        answer.insert_header((CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)));
        if let Some((name, value)) = &details.header {
            answer.insert_header((name.clone(), value.clone()));
        }
        match serde_json::to_vec(&body) {
            Ok(json) => answer.body(json),
            // Text and numbers always serialise; if they ever did not, the status alone would still be right.
            Err(_) => answer.finish(),
        }
    }
}
