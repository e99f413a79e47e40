//! `daybook-agent exclude`, `rename`, `hide` and `rules`.

use std::path::Path;

use domain::privacy::PlainRule;

use crate::privacy::server::ServerRules;
use crate::privacy::{dir_in, rules};
use crate::settings::{RuleSettings, Subject};

use super::{CommandError, print};

/// Adds a rule, before all others, for an agent that runs as well. `action` is what it does, and the new name where it gives one.
pub fn add_rule(dir: &Path, rule: &RuleSettings, action: (&str, Option<&String>)) -> Result<(), CommandError> {
    let pattern = Some(rule.pattern.clone());
    let (app, site) = match rule.subject {
        Subject::App => (pattern, None),
        Subject::Site => (None, pattern),
    };
    let rule = PlainRule {
        app,
        site,
        action: action.0.to_owned(),
        to: action.1.cloned(),
    };
    rules::add(&dir_in(dir), rule.clone())?;
    print(&format!("From now on: {}\n", rules::describe(&rule)))
}

/// Shows the rules of this machine, in the order in which they are asked, and those that the server told last.
pub fn list_rules(dir: &Path) -> Result<(), CommandError> {
    let local = rules::load(&dir_in(dir))?.plain();
    let server = ServerRules::load(&dir_in(dir))?;
    let mut lines: Vec<String> = (1..)
        .zip(&local)
        .map(|(number, rule)| format!("{number:>3}  {}\n", rules::describe(rule)))
        .collect();
    if local.is_empty() {
        lines.push("This machine has no rules of its own.\n".to_owned());
    }
    if let Some(server) = server.filter(|server| !server.rules.is_empty()) {
        lines.push(format!("And those of {} at {}:\n", server.email, server.server));
        let all = server.rules.plain();
        lines.extend(all.iter().map(|rule| format!("     {}\n", rules::describe(rule))));
    }
    print(&lines.concat())
}

/// Removes the rule with this number.
pub fn remove_rule(dir: &Path, number: usize) -> Result<(), CommandError> {
    let removed = rules::remove(&dir_in(dir), number)?;
    print(&format!("Not any more: {}\n", rules::describe(&removed)))
}
