//! The rules that the account has at the server, kept here for when it cannot be asked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use domain::privacy::PrivacyRules;

use crate::files;

use super::rules::{self, PrivacyError, RuleForm, RuleList};

const FILE: &str = "server.json";

/// What a server said, and whose rules they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRules {
    /// The server's address.
    pub server: String,
    /// The account.
    pub email: String,
    /// What the server calls this version of them.
    pub etag: Option<String>,
    /// The rules.
    pub rules: PrivacyRules,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    server: String,
    email: String,
    #[serde(default)]
    etag: Option<String>,
    rules: Vec<RuleForm>,
}

impl ServerRules {
    /// What was saved last. What cannot be understood counts as absent: the server tells it anew.
    pub fn load(dir: &Path) -> Result<Option<Self>, PrivacyError> {
        let path = dir.join(FILE);
        let Some(bytes) = files::read(&path)? else {
            return Ok(None);
        };
        let saved = serde_json::from_slice::<Saved>(&bytes).ok().and_then(|saved| {
            let Saved {
                server,
                email,
                etag,
                rules,
            } = saved;
            let rules = rules::parse(RuleList { rules }).ok()?;
            Some(Self {
                server,
                email,
                etag,
                rules,
            })
        });
        if saved.is_none() {
            tracing::warn!(file = %path.display(), "cannot be understood, and is made anew");
        }
        Ok(saved)
    }

    /// Writes them down.
    pub fn save(&self, dir: &Path) -> Result<(), PrivacyError> {
        let saved = Saved {
            server: self.server.clone(),
            email: self.email.clone(),
            etag: self.etag.clone(),
            rules: rules::list(&self.rules).rules,
        };
        rules::save(&dir.join(FILE), &saved)
    }
}

/// The rules in a server's answer; `None` if they make no sense.
#[must_use]
pub fn parse_body(body: &[u8]) -> Option<PrivacyRules> {
    /// A newer server may say more.
    #[derive(Deserialize)]
    struct Body {
        rules: Vec<RuleForm>,
    }
    let Body { rules } = serde_json::from_slice(body).ok()?;
    rules::parse(RuleList { rules }).ok()
}
