//! The account's privacy rules, as the server offers them to every device.

use ureq::http::StatusCode;
use ureq::http::header::ETAG;

use domain::privacy::PrivacyRules;

use crate::chain::Chain;
use crate::privacy::server::parse_body;
use crate::secret::Secret;

use super::{ANSWER_BYTES_MAX, Server};

/// What the server says when it is asked for rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// These.
    Rules {
        /// What it calls this version.
        etag: Option<String>,
        /// All of them.
        rules: PrivacyRules,
    },
    /// Those that it was asked about still hold.
    Same,
    /// No answer, or none that means anything.
    Nothing(String),
}

impl Server {
    /// Asks for the rules, unless they are still those of `etag`.
    #[must_use]
    pub fn privacy_rules(&self, token: &Secret, etag: Option<&str>) -> Answered {
        self.ask_rules(token, etag)
            .unwrap_or_else(|error| Answered::Nothing(Chain(&error).to_string()))
    }

    fn ask_rules(&self, token: &Secret, etag: Option<&str>) -> Result<Answered, ureq::Error> {
        let bearer = format!("Bearer {}", token.expose());
        let request = self.agent.get(self.address.route("/api/v1/users/me/privacy-rules"));
        let request = request.header("Authorization", &bearer);
        let mut response = match etag {
            Some(etag) => request.header("If-None-Match", etag).call()?,
            None => request.call()?,
        };
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()?;
        let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
        Ok(match response.status() {
            StatusCode::NOT_MODIFIED => Answered::Same,
            StatusCode::OK => match parse_body(&body) {
                Some(rules) => Answered::Rules {
                    etag: etag.map(str::to_owned),
                    rules,
                },
                None => Answered::Nothing("its answer makes no sense".to_owned()),
            },
            status => Answered::Nothing(status.to_string()),
        })
    }
}
