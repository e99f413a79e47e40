//! Forgetting a person.

use async_trait::async_trait;
use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::AccountErasure;

use super::MemoryAccounts;

#[async_trait]
impl AccountErasure for MemoryAccounts {
    async fn devices(&self, user: UserId) -> Result<Vec<DeviceId>, PortError> {
        let kept = self.kept("list every device of a person")?;
        Ok(kept.devices_of(user).map(|kept| kept.device.id).collect())
    }

    async fn erase(&self, user: UserId, now: UnixMs) -> Result<Vec<SessionId>, PortError> {
        let mut kept = self.kept("forget a person")?;
        let mut ended = kept.end_sessions(user, now, |_, _| true);
        ended.extend(kept.revoke_keys(user, now, |_, _| true));
        kept.devices.retain(|_, device| device.user != user);
        kept.imports.retain(|import| import.user != user);
        kept.log.retain(|_, entry| entry.user != Some(user));
        kept.rules.remove(&user);
        kept.forget_answers(user);
        kept.people.remove(&user);
        Ok(ended)
    }
}
