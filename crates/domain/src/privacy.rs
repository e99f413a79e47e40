//! What a person wants kept from the record: rules that exclude, rename and hide, made once and applied by every device and at the server's door.

mod pattern;
mod rule;
mod screening;

use std::fmt;

use crate::fault::Fault;
use crate::usage::{AppName, Domain, Label};

use rule::{AppAction, Rule, SiteAction};

pub use rule::PlainRule;
pub use screening::Screening;

/// Rules in the order in which they are asked: of the rules for applications the first whose pattern matches counts, then, on what came out, the first
/// of those for sites. Applying them twice is the same as applying them once, so a device and the server may both do it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PrivacyRules(Box<[Rule]>);

/// What is wrong with rules, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// Which rule, counted from 0; `None` when it is the list.
    pub index: Option<usize>,
    /// What is wrong with it.
    pub fault: Fault,
}

/// Nothing may be kept.
#[derive(Debug, PartialEq, Eq)]
struct Excluded;

impl PrivacyRules {
    /// The most rules that a person may have.
    pub const RULES_MAX: usize = 500;

    /// The rules, as somebody wrote them.
    ///
    /// # Errors
    /// Every fault of every rule; of a list that is too long only that.
    pub fn parse(plain: &[PlainRule]) -> Result<Self, Vec<RuleFault>> {
        Self::check_count(plain.len()).map_err(|fault| vec![RuleFault { index: None, fault }])?;
        let mut faults = Vec::new();
        let mut rules = Vec::with_capacity(plain.len());
        for (index, plain) in plain.iter().enumerate() {
            match Rule::parse(plain) {
                Ok(rule) => rules.push(rule),
                Err(found) => faults.extend(found.into_iter().map(|fault| RuleFault {
                    index: Some(index),
                    fault,
                })),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = Self(rules.into());
        let faults = rules.changed_again();
        if faults.is_empty() { Ok(rules) } else { Err(faults) }
    }

    /// Makes sure that there may be `count` rules.
    ///
    /// # Errors
    /// A fault of `rules` when they are more than [`Self::RULES_MAX`].
    pub fn check_count(count: usize) -> Result<(), Fault> {
        if count <= Self::RULES_MAX {
            return Ok(());
        }
        let detail = format!("must hold at most {} rules, not {count}", Self::RULES_MAX);
        Err(Fault::new("rules", "too_many", detail))
    }

    /// The rules as they were written.
    #[must_use]
    pub fn plain(&self) -> Vec<PlainRule> {
        self.0.iter().map(Rule::plain).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, so that everything is kept as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much memory they take, about, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Rule::bytes).sum()
    }

    /// What may be kept of time under `label`: nothing of what is excluded, and of the rest what comes out of renaming and hiding.
    #[must_use]
    pub fn apply(&self, label: &Label) -> Option<Label> {
        if self.is_empty() {
            return Some(label.clone());
        }
        self.kept(label).ok()
    }

    /// What may be kept of a site whose application is not known yet: nothing where it is excluded or hidden.
    #[must_use]
    pub fn admitted_site(&self, site: &Domain) -> Option<Domain> {
        self.site(site).ok().flatten()
    }

    fn kept(&self, label: &Label) -> Result<Label, Excluded> {
        let app_name = self.app(&label.app_name)?;
        let domain = label.domain.as_ref().map(|domain| self.site(domain)).transpose()?;
        Ok(Label {
            app_name,
            domain: domain.flatten(),
        })
    }

    /// What is kept of an application's name.
    fn app(&self, name: &AppName) -> Result<AppName, Excluded> {
        let mut folded = None;
        let action = self.0.iter().find_map(|rule| match rule {
            Rule::App(pattern, action) => {
                let folded = folded.get_or_insert_with(|| pattern::folded(name.as_str()));
                pattern.matches(folded).then_some(action)
            }
            Rule::Site(..) => None,
        });
        match action {
            None => Ok(name.clone()),
            Some(AppAction::Rename(to)) => Ok(to.clone()),
            Some(AppAction::Exclude) => Err(Excluded),
        }
    }

    /// What is kept of a site, which may be nothing.
    fn site(&self, domain: &Domain) -> Result<Option<Domain>, Excluded> {
        let mut with_www = None;
        let action = self.0.iter().find_map(|rule| match rule {
            Rule::Site(pattern, action) => {
                let with_www = with_www.get_or_insert_with(|| pattern::with_www(domain));
                pattern.matches(with_www).then_some(action)
            }
            Rule::App(..) => None,
        });
        match action {
            None => Ok(Some(domain.clone())),
            Some(SiteAction::Rename(to)) => Ok(Some(to.clone())),
            Some(SiteAction::Hide) => Ok(None),
            Some(SiteAction::Exclude) => Err(Excluded),
        }
    }

    /// A fault for each name that a rule gives and that the rules would not leave as it is: a device and the server apply the same rules one after the
    /// other, and what the one renamed the other would rename again, or drop.
    fn changed_again(&self) -> Vec<RuleFault> {
        let is_kept = |rule: &Rule| match rule {
            Rule::App(_, AppAction::Rename(to)) => self.app(to).as_ref() == Ok(to),
            Rule::Site(_, SiteAction::Rename(to)) => self.site(to) == Ok(Some(to.clone())),
            Rule::App(..) | Rule::Site(..) => true,
        };
        let changed = self.0.iter().enumerate().filter(|(_, rule)| !is_kept(rule));
        changed
            .map(|(index, _)| RuleFault {
                index: Some(index),
                fault: Fault::new(
                    "to",
                    "changed_again",
                    "must be a name that these rules leave as it is: rules are applied by devices and once more by the server",
                ),
            })
            .collect()
    }
}

impl RuleFault {
    /// Where the fault is, in a body that holds the rules under `rules`: `/rules/3/site`.
    #[must_use]
    pub fn pointer(&self) -> String {
        match self.index {
            Some(index) => format!("/rules/{index}/{}", self.fault.field),
            None => format!("/{}", self.fault.field),
        }
    }
}

/// Shows how many there are, and nothing of what they say: they name what their person does not want to see anywhere.
impl fmt::Debug for PrivacyRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivacyRules({})", self.len())
    }
}

#[cfg(test)]
mod tests;
