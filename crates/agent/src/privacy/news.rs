//! Asks the server for the account's rules, now and then while there is something to send.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chain::Chain;
use crate::secret::Secret;
use crate::server::Server;
use crate::server::rules::Answered;

use super::Privacy;
use super::server::ServerRules;

/// How long what the server said is taken for what it would say.
const ASK_EVERY: Duration = Duration::from_mins(10);
/// How long after an answer that was none.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// What is known of the server's rules, and since when.
#[derive(Debug)]
pub struct RuleNews {
    privacy: Arc<Privacy>,
    due: Option<Instant>,
    failed: bool,
}

impl RuleNews {
    /// News for `privacy`, due at once.
    #[must_use]
    pub fn new(privacy: Arc<Privacy>) -> Self {
        Self {
            privacy,
            due: None,
            failed: false,
        }
    }

    /// Asks if it is time to. Until there is an answer, what was told last counts.
    pub fn ask_if_due(&mut self, server: &Server, email: &str, token: &Secret) {
        let now = Instant::now();
        if self.due.is_some_and(|due| now < due) {
            return;
        }
        let address = server.address().to_string();
        let known = self.privacy.server_rules();
        let known = known.filter(|known| known.server == address && known.email == email);
        let etag = known.as_ref().and_then(|known| known.etag.as_deref());
        let answered = server.privacy_rules(token, etag);
        self.due = Some(now + ASK_EVERY);
        match answered {
            Answered::Same => self.failed = false,
            Answered::Rules { etag, rules } => {
                self.failed = false;
                tracing::info!(rules = rules.len(), "the server told the account's rules");
                let rules = ServerRules {
                    server: address,
                    email: email.to_owned(),
                    etag,
                    rules,
                };
                if let Err(error) = self.privacy.set_server_rules(rules) {
                    tracing::warn!(error = %Chain(&error), "the account's rules cannot be kept for later");
                }
            }
            Answered::Nothing(why) => {
                self.due = Some(now + ASK_AGAIN);
                if !self.failed {
                    tracing::info!(
                        why,
                        "the server does not tell the account's rules: those that it told last stay"
                    );
                }
                self.failed = true;
            }
        }
    }
}
