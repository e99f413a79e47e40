//! What the operator does with accounts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::accounts::{Email, SecurityEntry, SessionId};
use domain::time::UnixMs;
use ports::PortError;
use ports::accounts::{Operation, UserSummary};

use super::MemoryAccounts;

#[async_trait]
impl Operation for MemoryAccounts {
    async fn set_disabled(
        &self,
        email: &Email,
        disabled: bool,
        now: UnixMs,
        entry: &SecurityEntry,
    ) -> Result<Option<Vec<SessionId>>, PortError> {
        let mut kept = self.kept("close or open an account")?;
        let person = kept.people.values_mut().find(|person| person.user.email == *email);
        let Some(person) = person else {
            return Ok(None);
        };
        if person.disabled == disabled {
            return Ok(Some(Vec::new()));
        }
        person.disabled = disabled;
        let user = person.user.id;
        kept.write_of(user, entry);
        if !disabled {
            return Ok(Some(Vec::new()));
        }
        let mut ended = kept.end_sessions(user, now, |_, _| true);
        let keys = kept.keys.iter().filter(|(_, key)| key.user == user);
        let keys: Vec<_> = keys.map(|(id, _)| *id).collect();
        kept.note_ended(&keys, now);
        ended.extend(keys);
        Ok(Some(ended))
    }

    async fn list(&self, after: Option<&Email>, limit: usize) -> Result<Vec<UserSummary>, PortError> {
        let kept = self.kept("list people")?;
        let people = kept.people.values().map(|person| (&person.user.email, person));
        let sorted: BTreeMap<_, _> = people
            .filter(|(email, _)| after.is_none_or(|after| *email > after))
            .collect();
        let summaries = sorted.into_values().take(limit).map(|person| UserSummary {
            id: person.user.id,
            email: person.user.email.clone(),
            full_name: person.user.full_name.clone(),
            created_at: person.user.created_at,
            disabled: person.disabled,
        });
        Ok(summaries.collect())
    }
}
