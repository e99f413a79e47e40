//! Second factors as they are kept.

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, TotpSecret, UserId};
use domain::time::UnixMs;

use super::RecoveryHash;
use crate::PortError;

/// Second factors in the store: at most one of a person is in use, and at most one waits to be confirmed.
#[async_trait]
pub trait SecondFactorStore: Send + Sync {
    /// Keeps a secret until the person shows a code of it; it replaces one that waits. `false`, and nothing kept, when a factor is in use.
    async fn begin(&self, user: UserId, secret: &TotpSecret, now: UnixMs) -> Result<bool, PortError>;

    /// The secret that waits.
    async fn waiting(&self, user: UserId) -> Result<Option<TotpSecret>, PortError>;

    /// Puts the secret that waits into use, with recovery codes; `false` when none waits, or another one than was confirmed.
    async fn confirm(&self, confirmation: &FactorConfirmation) -> Result<bool, PortError>;

    /// Forgets the factor and its recovery codes; `false` when none is in use.
    async fn remove(&self, user: UserId, entry: &SecurityEntry) -> Result<bool, PortError>;

    /// Replaces the recovery codes; `false` when no factor is in use.
    async fn renew_codes(&self, user: UserId, codes: &[RecoveryHash], entry: &SecurityEntry)
    -> Result<bool, PortError>;

    /// Notes the time step of a code that is being accepted; `false`, and the code is not to be accepted, when one of that step or a later one was before.
    async fn use_step(&self, user: UserId, step: i64) -> Result<bool, PortError>;

    /// Uses a recovery code up; `false` when there is no such code, or it was used.
    async fn use_code(&self, user: UserId, code: RecoveryHash, entry: &SecurityEntry) -> Result<bool, PortError>;
}

/// A second factor to put into use.
#[derive(Debug, Clone, PartialEq)]
pub struct FactorConfirmation {
    /// Whose.
    pub user: UserId,
    /// The secret of which a code was shown.
    pub secret: TotpSecret,
    /// The time step of that code.
    pub step: i64,
    /// The hashes of the recovery codes.
    pub codes: Vec<RecoveryHash>,
    /// For the security log.
    pub entry: SecurityEntry,
}
