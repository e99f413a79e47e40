//! What the relay says to a request.

use hyper::StatusCode;
use serde::Serialize;

use super::desk::Unavailable;
use super::event::Unfit;

/// An answer: always JSON.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Vec<u8>,
    /// What a browser should save it as.
    pub file_name: Option<&'static str>,
}

impl Answer {
    /// 200 and a value.
    pub fn of(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self {
                status: StatusCode::OK,
                body,
                file_name: None,
            },
            Err(error) => Self::refusal(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("What is kept cannot be written as JSON: {error}"),
            ),
        }
    }

    /// 200 and an empty object: some clients read whatever is answered as JSON.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(&serde_json::json!({}))
    }

    /// A status, and why.
    pub fn refusal(status: StatusCode, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            ..Self::of(&serde_json::json!({ "message": message }))
        }
    }

    /// 404 for a bucket.
    #[must_use]
    pub fn no_bucket(id: &str) -> Self {
        Self::refusal(StatusCode::NOT_FOUND, format!("There is no bucket named {id}"))
    }
}

impl From<Unavailable> for Answer {
    fn from(error: Unavailable) -> Self {
        Self::refusal(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    }
}

impl From<Unfit> for Answer {
    fn from(error: Unfit) -> Self {
        Self::refusal(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<serde_json::Error> for Answer {
    fn from(error: serde_json::Error) -> Self {
        Self::refusal(StatusCode::BAD_REQUEST, format!("The body cannot be read: {error}"))
    }
}
