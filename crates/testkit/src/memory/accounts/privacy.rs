//! Privacy rules.

use async_trait::async_trait;
use domain::accounts::UserId;
use ports::PortError;
use ports::accounts::{KeptRules, PrivacyStore, RulesChange, RulesOutcome};

use super::MemoryAccounts;

#[async_trait]
impl PrivacyStore for MemoryAccounts {
    async fn rules(&self, user: UserId) -> Result<KeptRules, PortError> {
        let kept = self.kept("read privacy rules")?;
        Ok(kept.rules.get(&user).cloned().unwrap_or_default())
    }

    async fn change(&self, change: &RulesChange) -> Result<RulesOutcome, PortError> {
        let mut kept = self.kept("change privacy rules")?;
        if !kept.people.contains_key(&change.user) {
            return Ok(RulesOutcome::Gone);
        }
        let rules = kept.rules.entry(change.user).or_default();
        if rules.version != change.seen {
            return Ok(RulesOutcome::Conflict);
        }
        rules.version += 1;
        rules.rules = change.rules.clone();
        let version = rules.version;
        kept.write(&change.entry);
        Ok(RulesOutcome::Changed(version))
    }
}
