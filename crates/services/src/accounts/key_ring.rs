//! The API keys that this node has seen lately, so that a tracker's ping asks nobody who it is from; and when each was used last.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use domain::accounts::{ApiKeyText, Caller, SessionId};
use domain::time::UnixMs;
use ports::accounts::{ApiKeyHash, ApiKeyUse, ApiKeys, KeyHolder, KeyMaker};
use ports::{Clock, PortError};

/// How long a key is known before it is asked for again. That it was revoked is heard of at once; this is for what it may do and where its device stands.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// How long it is used while it cannot be asked for. Shorter than what is announced can be heard ([`ports::accounts::ANNOUNCED_FOR`]): a key that was revoked
/// meanwhile is refused all the time.
const USABLE_FOR: Duration = Duration::from_mins(10);
/// How many keys are known at once, some 200 bytes each. When there are more, all are asked for again.
const KEYS_MAX: usize = 20_000;

/// The keys of this node.
pub struct KeyRing {
    keys: Arc<dyn ApiKeys>,
    maker: Arc<dyn KeyMaker>,
    clock: Arc<dyn Clock>,
    known: RwLock<HashMap<ApiKeyHash, Known>>,
    uses: Mutex<HashMap<SessionId, ApiKeyUse>>,
}

#[derive(Clone, Copy)]
struct Known {
    holder: KeyHolder,
    asked_at: UnixMs,
}

impl KeyRing {
    /// Empty.
    #[must_use]
    pub fn new(keys: Arc<dyn ApiKeys>, maker: Arc<dyn KeyMaker>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            maker,
            clock,
            known: RwLock::default(),
            uses: Mutex::default(),
        }
    }

    /// Who `key` speaks for, if that is known.
    pub(super) fn known(&self, key: &ApiKeyText) -> Option<KeyHolder> {
        self.since(&self.maker.hash(key), FRESH_FOR)
    }

    /// Asks who `key` speaks for; `None` when it is no key, or no longer.
    ///
    /// # Errors
    /// When that cannot be known: neither asked, nor remembered from a while ago.
    pub(super) async fn ask(&self, key: &ApiKeyText) -> Result<Option<KeyHolder>, PortError> {
        let hash = self.maker.hash(key);
        let asked_at = self.clock.now();
        match self.keys.by_hash(hash).await {
            Ok(holder) => {
                self.learn(hash, holder.map(|holder| Known { holder, asked_at }));
                Ok(holder)
            }
            Err(error) if error.is_unavailable() => self.since(&hash, USABLE_FOR).map(Some).ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Notes that a key was used; kept with the next [`KeyRing::keep_uses`].
    pub fn used(&self, caller: &Caller, address: Option<IpAddr>) {
        let mut uses = self.uses();
        if uses.len() < KEYS_MAX || uses.contains_key(&caller.session) {
            let latest = ApiKeyUse {
                user: caller.user,
                key: caller.session,
                at: self.clock.now(),
                address,
            };
            uses.insert(caller.session, latest);
        }
    }

    /// Keeps when keys were used last. To be called every minute or so.
    ///
    /// # Errors
    /// Something outside; what was not kept is noted again when the keys are used again.
    pub async fn keep_uses(&self) -> Result<(), PortError> {
        let uses: Vec<_> = std::mem::take(&mut *self.uses()).into_values().collect();
        if uses.is_empty() {
            return Ok(());
        }
        self.keys.used(&uses).await
    }

    fn since(&self, hash: &ApiKeyHash, age_max: Duration) -> Option<KeyHolder> {
        let oldest = self.clock.now().before(age_max);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(hash).filter(|known| known.asked_at >= oldest);
        known.map(|known| known.holder)
    }

    fn learn(&self, hash: ApiKeyHash, found: Option<Known>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(found) => {
                if known.len() >= KEYS_MAX {
                    known.clear();
                }
                known.insert(hash, found);
            }
            None => {
                known.remove(&hash);
            }
        }
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<SessionId, ApiKeyUse>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
