//! Privacy rules: what a person wants kept from the record, whichever device sends it.

use async_trait::async_trait;
use domain::accounts::{SecurityEntry, UserId};
use domain::privacy::PrivacyRules;

use crate::PortError;

/// Where privacy rules are kept.
#[async_trait]
pub trait PrivacyStore: Send + Sync {
    /// The rules of a person: none, of version 0, where they never made any, or where there is no such person.
    async fn rules(&self, user: UserId) -> Result<KeptRules, PortError>;

    /// Keeps other rules in the place of those of the version that was seen, and the entry in the person's security log.
    async fn change(&self, change: &RulesChange) -> Result<RulesOutcome, PortError>;
}

/// A person's privacy rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptRules {
    /// Counts up from 0 with each change.
    pub version: u64,
    /// The rules.
    pub rules: PrivacyRules,
}

/// Other rules for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct RulesChange {
    /// Whose.
    pub user: UserId,
    /// The version of the rules that these take the place of.
    pub seen: u64,
    /// The rules from now on.
    pub rules: PrivacyRules,
    /// What is noted of it.
    pub entry: SecurityEntry,
}

/// What became of a change of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulesOutcome {
    /// They are kept, with this version.
    Changed(u64),
    /// The rules are of another version than was seen; nothing was changed.
    Conflict,
    /// There is no such person.
    Gone,
}
