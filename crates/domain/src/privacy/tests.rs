mod limits;
mod patterns;
mod rules;

use super::{Label, PlainRule, PrivacyRules, RuleFault};

fn rule(subject: &str, pattern: &str, action: &str) -> PlainRule {
    let pattern = Some(pattern.to_owned());
    let (app, site) = if subject == "app" {
        (pattern, None)
    } else {
        (None, pattern)
    };
    let (action, to) = match action.split_once(' ') {
        Some((action, to)) => (action, Some(to.to_owned())),
        None => (action, None),
    };
    PlainRule {
        app,
        site,
        action: action.to_owned(),
        to,
    }
}

pub(super) fn rules(written: &[(&str, &str, &str)]) -> PrivacyRules {
    parsed(written).expect("sound rules")
}

fn parsed(written: &[(&str, &str, &str)]) -> Result<PrivacyRules, Vec<RuleFault>> {
    let plain: Vec<_> = written
        .iter()
        .map(|(subject, pattern, action)| rule(subject, pattern, action))
        .collect();
    PrivacyRules::parse(&plain)
}

/// `app` or `app@site` of what comes out of `app` or `app@site`.
fn out(rules: &PrivacyRules, label: &str) -> Option<String> {
    let (app, site) = match label.split_once('@') {
        Some((app, site)) => (app, Some(site)),
        None => (label, None),
    };
    rules.apply(&Label::trusted(app, site)).map(|out| match out.domain {
        Some(domain) => format!("{}@{}", out.app_name.as_str(), domain.as_str()),
        None => out.app_name.as_str().to_owned(),
    })
}
