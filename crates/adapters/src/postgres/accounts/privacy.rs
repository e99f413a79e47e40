//! Privacy rules, in the table `privacy_rules`.

use async_trait::async_trait;
use domain::accounts::UserId;
use domain::privacy::{PlainRule, PrivacyRules};
use ports::PortError;
use ports::accounts::{KeptRules, PrivacyStore, RulesChange, RulesOutcome};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::super::failure::Failure;
use super::super::statements::{PRIVACY_KEEP, PRIVACY_READ, USER_LOCK};
use super::super::values::column;
use super::Accounts;
use super::security_log::note;

const APP: &str = "app";
const SITE: &str = "site";

#[async_trait]
impl PrivacyStore for Accounts {
    async fn rules(&self, user: UserId) -> Result<KeptRules, PortError> {
        let work = async {
            let row = self.database.as_user(user).query_opt(PRIVACY_READ, &[&user.0]).await?;
            row.map_or_else(|| Ok(KeptRules::default()), |row| kept(user, &row))
        };
        self.database
            .call_promptly(|| format!("read the privacy rules of {user}"), work)
            .await
    }

    async fn change(&self, change: &RulesChange) -> Result<RulesOutcome, PortError> {
        let user = change.user;
        let work = async {
            let transaction = self.database.as_user(user).begin().await?;
            // The person first, as whoever erases them does. Then, of two who change the rules at once, the later one sees what the first has done.
            if transaction.row(USER_LOCK, &[&user.0]).await?.is_none() {
                return Ok(RulesOutcome::Gone);
            }
            let row = transaction.row(PRIVACY_READ, &[&user.0]).await?;
            let version: i64 = row.map_or(Ok(0), |row| column(&row, 0))?;
            if u64::try_from(version) != Ok(change.seen) {
                return Ok(RulesOutcome::Conflict);
            }
            let version = version + 1;
            let columns = Columns::of(&change.rules);
            let kept: [&(dyn ToSql + Sync); 6] = [
                &user.0,
                &version,
                &columns.subjects,
                &columns.patterns,
                &columns.actions,
                &columns.new_names,
            ];
            transaction.change(PRIVACY_KEEP, &kept).await?;
            note(&transaction, &change.entry).await?;
            transaction.commit().await?;
            Ok(RulesOutcome::Changed(version.unsigned_abs()))
        };
        self.database
            .call(|| format!("change the privacy rules of {user}"), work)
            .await
    }
}

/// Rules as they are stored.
#[derive(Default)]
struct Columns {
    subjects: Vec<&'static str>,
    patterns: Vec<String>,
    actions: Vec<String>,
    new_names: Vec<Option<String>>,
}

impl Columns {
    fn of(rules: &PrivacyRules) -> Self {
        let mut columns = Self::default();
        for rule in rules.plain() {
            columns.subjects.push(if rule.app.is_some() { APP } else { SITE });
            columns.patterns.extend(rule.app.or(rule.site));
            columns.actions.push(rule.action);
            columns.new_names.push(rule.to);
        }
        columns
    }
}

/// A row of `version, subjects, patterns, actions, new_names`.
fn kept(user: UserId, row: &Row) -> Result<KeptRules, Failure> {
    let version: i64 = column(row, 0)?;
    let subjects: Vec<&str> = column(row, 1)?;
    let patterns: Vec<String> = column(row, 2)?;
    let actions: Vec<String> = column(row, 3)?;
    let new_names: Vec<Option<String>> = column(row, 4)?;
    let rules = subjects
        .into_iter()
        .zip(patterns)
        .zip(actions.into_iter().zip(new_names));
    let rules = rules.map(|((subject, pattern), (action, to))| {
        let (app, site) = if subject == APP {
            (Some(pattern), None)
        } else {
            (None, Some(pattern))
        };
        PlainRule { app, site, action, to }
    });
    // What was kept passed the door once. If it does not now, what a rule may be has changed, and nothing of it may be named.
    let odd = |_| {
        Failure::Broken(format!(
            "the privacy rules of {user} are stored in a form that is not known"
        ))
    };
    Ok(KeptRules {
        version: version.unsigned_abs(),
        rules: PrivacyRules::parse(&rules.collect::<Vec<_>>()).map_err(odd)?,
    })
}
