//! Keeps a node's access tokens at the keys that all nodes share, and the keys young.

use std::sync::{Arc, Mutex, PoisonError};

use ports::{Clock, Ids, PortError};

use crate::crypto::{DatedKey, Rota, SignedAccessTokens};
use crate::postgres::TokenKeys;

/// One node's part in it. [`KeyRotation::turn`] is to be called each minute.
pub struct KeyRotation {
    keys: TokenKeys,
    tokens: Arc<SignedAccessTokens>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// The keys as they were last seen.
    known: Mutex<Vec<DatedKey>>,
}

impl KeyRotation {
    /// A node's tokens at the keys of its database; the first node of all makes the first key.
    pub async fn start(keys: TokenKeys, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Self, PortError> {
        let known = keys.turn(ids.new_id(), clock.now()).await?;
        let rota = Rota::of(&known, clock.now());
        let tokens = SignedAccessTokens::new(&rota.keys).map_err(unusable)?;
        Ok(Self {
            keys,
            tokens: Arc::new(tokens),
            clock,
            ids,
            known: Mutex::new(known),
        })
    }

    /// The tokens. They change their keys by themselves.
    #[must_use]
    pub fn tokens(&self) -> Arc<SignedAccessTokens> {
        Arc::clone(&self.tokens)
    }

    /// Loads the keys, makes the next one if it is due, and has the tokens take over what they are for now. When the database is away the node goes on
    /// with the keys it knows, of which a younger one may begin to sign meanwhile.
    pub async fn turn(&self) -> Result<(), PortError> {
        let loaded = self.keys.turn(self.ids.new_id(), self.clock.now()).await;
        let (known, outcome) = match loaded {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (self.known().clone(), Err(error)),
        };
        let rota = Rota::of(&known, self.clock.now());
        self.tokens.take_over(&rota.keys).map_err(unusable)?;
        *self.known() = known;
        outcome
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<DatedKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unusable(error: crate::crypto::TokenKeysError) -> PortError {
    PortError::bug("sign access tokens with the keys in the database", error)
}
