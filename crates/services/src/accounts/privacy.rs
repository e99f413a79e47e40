//! Shows and changes a person's privacy rules, which every node obeys from then on.

use std::net::IpAddr;
use std::sync::Arc;

use domain::accounts::{Caller, SecurityEntry, SecurityEvent};
use domain::privacy::PrivacyRules;
use ports::accounts::{Announcements, KeptRules, PrivacyStore, RulesChange, RulesOutcome, StandingChange};

use super::{AccountsError, Journal};

/// How often rules are put in the place of whichever there are, when others change them at the same time.
const ATTEMPTS_MAX: usize = 5;

/// The use case.
#[derive(Clone)]
pub struct Privacy {
    /// Where rules are kept.
    pub store: Arc<dyn PrivacyStore>,
    /// How nodes are told.
    pub announcements: Arc<dyn Announcements>,
    /// Dates and numbers what happens.
    pub journal: Journal,
}

impl Privacy {
    /// The caller's rules.
    ///
    /// # Errors
    /// Something outside.
    pub async fn show(&self, caller: &Caller) -> Result<KeptRules, AccountsError> {
        Ok(self.store.rules(caller.user).await?)
    }

    /// Puts `rules` in the place of the caller's: of those of a version that was `seen`, or of whichever there are. `Ok` means that every node that lives obeys them
    /// within a second. Rules that are there already are told of again, and not kept again.
    ///
    /// # Errors
    /// [`AccountsError::RulesChanged`], [`AccountsError::AccountGone`], or something outside: the rules may be kept then, and nodes obey them within minutes.
    pub async fn change(
        &self,
        caller: &Caller,
        seen: Option<&[u64]>,
        rules: PrivacyRules,
        address: Option<IpAddr>,
    ) -> Result<KeptRules, AccountsError> {
        for _ in 0..ATTEMPTS_MAX {
            let kept = self.store.rules(caller.user).await?;
            if seen.is_some_and(|seen| !seen.contains(&kept.version)) {
                return Err(AccountsError::RulesChanged);
            }
            if kept.version > 0 && kept.rules == rules {
                return self.told(caller, kept).await;
            }
            let change = RulesChange {
                user: caller.user,
                seen: kept.version,
                rules: rules.clone(),
                entry: SecurityEntry {
                    count: u32::try_from(rules.len()).ok(),
                    ..self
                        .journal
                        .entry_of(caller, SecurityEvent::PrivacyRulesChanged, address)
                },
            };
            match self.store.change(&change).await? {
                RulesOutcome::Changed(version) => return self.told(caller, KeptRules { version, rules }).await,
                RulesOutcome::Conflict => {}
                RulesOutcome::Gone => return Err(AccountsError::AccountGone),
            }
        }
        Err(AccountsError::RulesChanged)
    }

    async fn told(&self, caller: &Caller, kept: KeptRules) -> Result<KeptRules, AccountsError> {
        let change = StandingChange::Rules {
            user: caller.user,
            version: kept.version,
        };
        self.announcements.announce(&[change]).await?;
        Ok(kept)
    }
}
