//! Tells who an access token or an API key speaks for, for every request: without asking anybody, unless it is a key that this node has not seen lately.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{ApiKeyText, Caller, Scope, Scopes};
use domain::usage::Patience;
use ports::Clock;
use ports::accounts::{AccessTokens, KeyHolder};

use super::key_ring::KeyRing;
use super::{AccountsError, Standing, Standings};

/// The use case.
#[derive(Clone)]
pub struct Authenticate {
    /// How tokens are checked.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// The API keys of this node.
    pub keys: Arc<KeyRing>,
    /// What became of sessions since.
    pub standings: Arc<Standings>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

/// Who asks, and what they may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub caller: Caller,
    /// What an API key may do; `None` for a person who is signed in, who may do everything with what is theirs.
    pub scopes: Option<Scopes>,
    /// How long the person's heartbeats wait for a later one, where an API key sends them; trackers that send them show nothing else.
    pub patience: Patience,
}

/// What is known of what was shown.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// Who it is.
    Known(Authenticated),
    /// A key that has to be asked for: [`Authenticate::ask`].
    Key(ApiKeyText),
}

impl Authenticated {
    /// Whether they may do what `scope` names; `None` is what only a person who is signed in may do.
    #[must_use]
    pub fn may(&self, scope: Option<Scope>) -> bool {
        match (self.scopes, scope) {
            (None, _) => true,
            (Some(scopes), Some(scope)) => scopes.allow(scope),
            (Some(_), None) => false,
        }
    }
}

impl Authenticate {
    /// Who `shown` speaks for, with the precedence that their device has by now.
    ///
    /// # Errors
    /// [`AccountsError::TokenRefused`], the same whether it never was ours or its session has ended; [`AccountsError::StandingUnknown`].
    pub fn authenticate(&self, shown: &str) -> Result<Shown, AccountsError> {
        if let Some(key) = ApiKeyText::parse(shown) {
            return match self.keys.known(&key) {
                Some(holder) => self.of_key(holder).map(Shown::Known),
                None => Ok(Shown::Key(key)),
            };
        }
        let caller = self.access_tokens.verify(shown, self.clock.now());
        let caller = self.standing(caller.ok_or(AccountsError::TokenRefused)?)?;
        Ok(Shown::Known(Authenticated {
            caller,
            scopes: None,
            patience: Patience::default(),
        }))
    }

    /// Who `key` speaks for.
    ///
    /// # Errors
    /// The same, or something outside.
    pub async fn ask(&self, key: &ApiKeyText) -> Result<Authenticated, AccountsError> {
        let holder = self.keys.ask(key).await?;
        self.of_key(holder.ok_or(AccountsError::TokenRefused)?)
    }

    /// Notes from where an API key was used.
    pub fn used(&self, by: &Authenticated, address: Option<IpAddr>) {
        if by.scopes.is_some() {
            self.keys.used(&by.caller, address);
        }
    }

    fn of_key(&self, holder: KeyHolder) -> Result<Authenticated, AccountsError> {
        let caller = self.standing(holder.caller)?;
        Ok(Authenticated {
            caller,
            scopes: Some(holder.scopes),
            patience: holder.patience,
        })
    }

    fn standing(&self, caller: Caller) -> Result<Caller, AccountsError> {
        match self.standings.of(&caller) {
            Standing::Good { precedence } => Ok(Caller { precedence, ..caller }),
            Standing::Ended => Err(AccountsError::TokenRefused),
            Standing::Unknown => Err(AccountsError::StandingUnknown),
        }
    }
}
