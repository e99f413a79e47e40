//! The rules over a list: what they say of a label is remembered as long as the list lasts, because a list mostly repeats a few labels.

use std::collections::HashMap;

use crate::usage::Label;

use super::PrivacyRules;

/// One list under the rules of its person. It remembers no more labels than the list holds, and nothing where there is no rule.
pub struct Screening<'a> {
    rules: Option<&'a PrivacyRules>,
    said: Said,
}

/// What the rules said of each label that was asked about: what may be kept of it, and nothing where that is nothing.
#[derive(Default)]
struct Said(HashMap<Label, Option<Label>>);

impl<'a> Screening<'a> {
    /// Of a list that has not begun.
    #[must_use]
    pub fn under(rules: Option<&'a PrivacyRules>) -> Self {
        Self {
            rules: rules.filter(|rules| !rules.is_empty()),
            said: Said::default(),
        }
    }

    /// Makes of `label` what may be kept of it; `false` where that is nothing, and nothing of it may go any further.
    #[must_use]
    pub fn admits(&mut self, label: &mut Label) -> bool {
        let Some(rules) = self.rules else {
            return true;
        };
        let kept = self.said.of(label, |label| rules.apply(label));
        let is_kept = kept.is_some();
        if let Some(kept) = kept {
            *label = kept;
        }
        is_kept
    }
}

impl Said {
    /// What was said of `label`, or what is said now.
    fn of(&mut self, label: &Label, ask: impl FnOnce(&Label) -> Option<Label>) -> Option<Label> {
        if let Some(kept) = self.0.get(label) {
            return kept.clone();
        }
        let kept = ask(label);
        self.0.insert(label.clone(), kept.clone());
        kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::privacy::tests::rules;

    fn secretive() -> PrivacyRules {
        rules(&[
            ("app", "keepass*", "exclude"),
            ("app", "x", "rename Y"),
            ("site", "bank.example", "exclude"),
            ("site", "*", "hide"),
        ])
    }

    #[test]
    fn a_label_becomes_what_may_be_kept_of_it_however_often_it_comes() {
        let rules = secretive();
        let mut screening = Screening::under(Some(&rules));
        for _ in 0..3 {
            for (before, kept, after) in [
                (Label::trusted("KeePass", None), false, Label::trusted("KeePass", None)),
                (Label::trusted("x", Some("a.example")), true, Label::trusted("Y", None)),
                (
                    Label::trusted("x", Some("bank.example")),
                    false,
                    Label::trusted("x", Some("bank.example")),
                ),
                (Label::trusted("z", None), true, Label::trusted("z", None)),
            ] {
                let mut label = before.clone();
                assert_eq!((screening.admits(&mut label), &label), (kept, &after), "{before:?}");
            }
        }
    }

    #[test]
    fn the_rules_are_asked_once_for_each_label_of_a_list() {
        let list = ["a", "b", "a", "secret", "b", "secret", "a", "A"];
        let (mut said, mut asked) = (Said::default(), Vec::new());
        for app in list {
            let label = Label::trusted(app, None);
            let kept = said.of(&label, |label| {
                asked.push(label.app_name.as_str().to_owned());
                (app != "secret").then(|| label.clone())
            });
            assert_eq!(kept.is_some(), app != "secret");
        }
        assert_eq!(asked, ["a", "b", "secret", "A"]);
    }

    #[test]
    fn without_a_rule_nothing_is_remembered() {
        let none = PrivacyRules::default();
        for rules in [None, Some(&none)] {
            let mut screening = Screening::under(rules);
            let mut label = Label::trusted("KeePass", Some("bank.example"));
            assert!(screening.admits(&mut label));
            assert_eq!(label, Label::trusted("KeePass", Some("bank.example")));
            assert_eq!(screening.said.0.capacity(), 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_list_becomes_what_each_of_its_labels_becomes_by_itself(
            list in prop::collection::vec(("keepass|keepassxc|x|y|z", prop::option::of("bank.example|a.bank.example|c.example")), 0..40),
        ) {
            let rules = secretive();
            let mut screening = Screening::under(Some(&rules));
            for (app, site) in list {
                let before = Label::trusted(&app, site.as_deref());
                let mut label = before.clone();
                let kept = screening.admits(&mut label).then_some(label);
                prop_assert_eq!(kept, rules.apply(&before));
            }
        }
    }
}
