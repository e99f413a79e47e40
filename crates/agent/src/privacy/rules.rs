//! The person's own rules on this machine, in a small file that they may also write by hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use domain::privacy::{PlainRule, PrivacyRules, RuleFault};

use crate::files::{self, FileError};

const FILE: &str = "rules.json";

/// What a person wishes cannot be read, understood or kept.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what the agent writes.
    #[error("cannot understand {}", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file holds rules that cannot be.
    #[error("{}: {faults}", path.display())]
    Rules {
        /// Which.
        path: PathBuf,
        /// Why, each with its rule.
        faults: String,
    },
    /// A rule cannot be added.
    #[error("this rule cannot be: {0}")]
    Rule(String),
    /// There is no such rule.
    #[error("there is no rule {0}: `daybook-agent rules` shows them with their numbers")]
    NoRule(usize),
}

/// A file or a body of rules.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleList {
    pub rules: Vec<RuleForm>,
}

/// A rule as it stands in JSON.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl From<RuleForm> for PlainRule {
    fn from(form: RuleForm) -> Self {
        let RuleForm { app, site, action, to } = form;
        Self { app, site, action, to }
    }
}

impl From<PlainRule> for RuleForm {
    fn from(plain: PlainRule) -> Self {
        let PlainRule { app, site, action, to } = plain;
        Self { app, site, action, to }
    }
}

/// The rules in `dir`; none if nobody made any.
pub fn load(dir: &Path) -> Result<PrivacyRules, PrivacyError> {
    let path = dir.join(FILE);
    let Some(bytes) = files::read(&path)? else {
        return Ok(PrivacyRules::default());
    };
    match serde_json::from_slice::<RuleList>(&bytes) {
        Ok(list) => parse(list).map_err(|faults| PrivacyError::Rules {
            path,
            faults: in_words(&faults),
        }),
        Err(source) => Err(PrivacyError::Json { path, source }),
    }
}

/// Adds a rule before the others, so that the newest wish counts.
pub fn add(dir: &Path, rule: PlainRule) -> Result<(), PrivacyError> {
    let known = load(dir)?.plain().into_iter().enumerate();
    let (numbers, kept): (Vec<usize>, Vec<PlainRule>) = known
        .filter(|(_, known)| (&known.app, &known.site) != (&rule.app, &rule.site))
        .unzip();
    let plain: Vec<PlainRule> = std::iter::once(rule).chain(kept).collect();
    match PrivacyRules::parse(&plain) {
        Ok(rules) => save(&dir.join(FILE), &list(&rules)),
        Err(mut faults) => {
            for RuleFault { index, .. } in &mut faults {
                // The new one needs no number, and another is named by that which it has in the list as it stays.
                *index = index.and_then(|at| numbers.get(at.checked_sub(1)?).copied());
            }
            Err(PrivacyError::Rule(in_words(&faults)))
        }
    }
}

/// Removes the rule with this number, counted from 1.
pub fn remove(dir: &Path, number: usize) -> Result<PlainRule, PrivacyError> {
    let mut plain = load(dir)?.plain();
    if number == 0 || number > plain.len() {
        return Err(PrivacyError::NoRule(number));
    }
    let removed = plain.remove(number - 1);
    match PrivacyRules::parse(&plain) {
        Ok(rules) => save(&dir.join(FILE), &list(&rules)).map(|()| removed),
        Err(faults) => Err(PrivacyError::Rule(in_words(&faults))),
    }
}

/// A rule in words: `exclude app keepass*`.
#[must_use]
pub fn describe(rule: &PlainRule) -> String {
    let (subject, pattern) = match (&rule.app, &rule.site) {
        (Some(app), _) => ("app", app.as_str()),
        (None, site) => ("site", site.as_deref().unwrap_or_default()),
    };
    let mut words = format!("{} {subject} {pattern}", rule.action);
    if let Some(to) = &rule.to {
        let _ = write!(words, " to {to}");
    }
    words
}

pub(super) fn parse(list: RuleList) -> Result<PrivacyRules, Vec<RuleFault>> {
    let plain: Vec<PlainRule> = list.rules.into_iter().map(PlainRule::from).collect();
    PrivacyRules::parse(&plain)
}

/// The rules as JSON has them.
pub(super) fn list(rules: &PrivacyRules) -> RuleList {
    RuleList {
        rules: rules.plain().into_iter().map(RuleForm::from).collect(),
    }
}

/// Where each fault is and what is wrong, but nothing of what the rules say.
fn in_words(faults: &[RuleFault]) -> String {
    let words = faults.iter().map(|RuleFault { index, fault }| match index {
        Some(index) => format!("rule {}: {} {}", index + 1, fault.field, fault.detail),
        None => format!("{} {}", fault.field, fault.detail),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Writes a file of this directory as a whole, and makes the directory.
pub(super) fn save(path: &Path, value: &impl Serialize) -> Result<(), PrivacyError> {
    if let Some(dir) = path.parent() {
        files::make_private_dir(dir)?;
    }
    let json = serde_json::to_vec_pretty(value).expect("strings and numbers have a JSON form");
    Ok(files::replace(path, &json)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn rule(subject: &str, pattern: &str, action: &str, to: Option<&str>) -> PlainRule {
        let pattern = Some(pattern.to_owned());
        let (app, site) = if subject == "app" {
            (pattern, None)
        } else {
            (None, pattern)
        };
        PlainRule {
            app,
            site,
            action: action.to_owned(),
            to: to.map(str::to_owned),
        }
    }

    fn in_short(dir: &Path) -> Vec<String> {
        load(dir).expect("loaded").plain().iter().map(describe).collect()
    }

    #[test]
    fn the_newest_rule_is_asked_first_and_takes_the_place_of_one_for_the_same_names() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("privacy");
        assert_eq!(in_short(&dir), Vec::<String>::new());
        add(&dir, rule("app", "keepass*", "exclude", None)).expect("added");
        add(&dir, rule("site", "bank.example", "hide", None)).expect("added");
        add(&dir, rule("app", "code", "rename", Some("Editor"))).expect("added");
        add(&dir, rule("site", "bank.example", "exclude", None)).expect("added");
        assert_eq!(
            in_short(&dir),
            [
                "exclude site bank.example",
                "rename app code to Editor",
                "exclude app keepass*"
            ]
        );
        assert_eq!(
            describe(&remove(&dir, 2).expect("removed")),
            "rename app code to Editor"
        );
        assert_eq!(in_short(&dir), ["exclude site bank.example", "exclude app keepass*"]);
        for number in [0, 3] {
            let error = remove(&dir, number).expect_err("no such rule");
            assert!(error.to_string().contains(&format!("no rule {number}")), "{error}");
        }
    }

    #[test]
    fn a_rule_that_cannot_be_is_refused_in_words_and_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        add(dir.path(), rule("app", "keepass*", "exclude", None)).expect("added");
        for (bad, says) in [
            (rule("app", "code", "hide", None), "this rule cannot be: action"),
            (rule("site", "https://bank.example/", "exclude", None), "must be a host"),
            (rule("app", " ", "exclude", None), "this rule cannot be: app"),
            (
                rule("app", "code", "rename", Some("keepassxc")),
                "this rule cannot be: to must be a name that these rules leave",
            ),
        ] {
            let error = add(dir.path(), bad).expect_err("refused");
            assert!(error.to_string().contains(says), "{error}");
        }
        assert_eq!(in_short(dir.path()), ["exclude app keepass*"]);
        // Another rule that it makes impossible is named as the list numbers it, also where the new one takes the place of one before that.
        for pattern in ["code", "edit*"] {
            add(dir.path(), rule("app", pattern, "rename", Some("Editor"))).expect("added");
        }
        let error = add(dir.path(), rule("app", "edit*", "exclude", None)).expect_err("refused");
        assert!(
            error.to_string().starts_with("this rule cannot be: rule 2: to"),
            "{error}"
        );
        for _ in 0..2 {
            remove(dir.path(), 1).expect("removed");
        }
        for number in 1..PrivacyRules::RULES_MAX {
            add(dir.path(), rule("app", &format!("a{number}"), "exclude", None)).expect("up to the limit");
        }
        let error = add(dir.path(), rule("app", "more", "exclude", None)).expect_err("one too many");
        assert!(error.to_string().contains("at most 500 rules"), "{error}");
    }

    #[test]
    fn a_file_written_by_hand_is_read_or_its_fault_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        fs::write(&path, r#"{"rules": [{"site": "bank.example", "action": "hide"}]}"#).expect("written");
        assert_eq!(in_short(dir.path()), ["hide site bank.example"]);
        for (text, says) in [
            ("{", "cannot understand"),
            (
                r#"{"rules": [{"apps": "x", "action": "exclude"}]}"#,
                "cannot understand",
            ),
            (r#"{"rules": [{"app": "x", "action": "drop"}]}"#, "rule 1: action"),
        ] {
            fs::write(&path, text).expect("written");
            let error = load(dir.path()).expect_err("a fault");
            let words = crate::chain::Chain(&error).to_string();
            assert!(words.contains(says) && words.contains("rules.json"), "{words}");
        }
    }
}
