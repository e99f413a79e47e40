//! Privacy rules.

use domain::accounts::{SecurityEvent, User, UserId};
use domain::privacy::{PlainRule, PrivacyRules};
use ports::accounts::{AccountErasure, KeptRules, PrivacyStore, RulesChange, RulesOutcome, SecurityLog, Users};
use uuid::Uuid;

use super::{NOW, entry, events, registered};

/// As many rules as there may be where `count` is 500, of every sort.
fn rules(count: usize) -> PrivacyRules {
    let rule = |number: usize| {
        let name = format!("b\u{fc}cher-{number}");
        let (subject, action) = [
            ("app", "exclude"),
            ("app", "rename"),
            ("site", "hide"),
            ("site", "rename"),
        ][number % 4];
        PlainRule {
            app: (subject == "app").then(|| format!("{name} *")),
            site: (subject == "site").then(|| format!("{name}.example")),
            action: action.to_owned(),
            to: (action == "rename").then(|| format!("kept-{number}")),
        }
    };
    PrivacyRules::parse(&(0..count).map(rule).collect::<Vec<_>>()).expect("sound rules")
}

fn change(user: &User, seen: u64, count: usize) -> RulesChange {
    let mut entry = entry(user, SecurityEvent::PrivacyRulesChanged);
    entry.count = u32::try_from(count).ok();
    RulesChange {
        user: user.id,
        seen,
        rules: rules(count),
        entry,
    }
}

async fn kept<A: PrivacyStore>(accounts: &A, user: UserId) -> (u64, usize) {
    let kept = accounts.rules(user).await.expect("read");
    assert!(
        kept.rules == rules(kept.rules.len()),
        "they come back as they were written"
    );
    (kept.version, kept.rules.len())
}

/// Nor has somebody who does not exist.
pub async fn who_never_made_rules_has_none<A: Users + PrivacyStore>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    for user in [ada.id, UserId(Uuid::from_u128(9))] {
        assert_eq!(accounts.rules(user).await.expect("read"), KeptRules::default());
    }
}

/// Also none at all; the versions go on. Nobody sees or changes those of anybody else.
pub async fn rules_take_the_place_of_those_before<A: Users + PrivacyStore>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for (seen, count) in [(0, 500), (1, 3), (2, 0), (3, 1)] {
        let outcome = accounts.change(&change(&ada, seen, count)).await.expect("change");
        assert_eq!(outcome, RulesOutcome::Changed(seen + 1));
        assert_eq!(kept(accounts, ada.id).await, (seen + 1, count));
        assert_eq!(kept(accounts, bob.id).await, (0, 0));
    }
}

/// Whichever version that is.
pub async fn rules_that_were_changed_meanwhile_stay<A: Users + PrivacyStore + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let first = accounts.change(&change(&ada, 0, 4)).await.expect("change");
    assert_eq!(first, RulesOutcome::Changed(1));
    let before = events(accounts, &ada).await;
    for seen in [0, 2, u64::MAX] {
        let outcome = accounts.change(&change(&ada, seen, 5)).await.expect("no error");
        assert_eq!(outcome, RulesOutcome::Conflict, "{seen}");
    }
    assert_eq!(kept(accounts, ada.id).await, (1, 4));
    assert_eq!(events(accounts, &ada).await, before);
}

/// The others have seen what is there no longer.
pub async fn of_many_changes_at_once_one_is_kept<A: Users + PrivacyStore>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let changes = [1, 2, 3, 4].map(|count| change(&ada, 0, count));
    let [a, b, c, d] = &changes;
    let outcomes = tokio::join!(
        accounts.change(a),
        accounts.change(b),
        accounts.change(c),
        accounts.change(d)
    );
    let outcomes: [_; 4] = outcomes.into();
    let outcomes = outcomes.map(|outcome| outcome.expect("change"));
    let is_kept = |outcome: &&RulesOutcome| **outcome == RulesOutcome::Changed(1);
    assert_eq!(outcomes.iter().filter(is_kept).count(), 1, "{outcomes:?}");
    assert_eq!(kept(accounts, ada.id).await.0, 1);
}

/// How many there are since, and not what they say.
pub async fn a_change_of_rules_is_in_the_log<A: Users + PrivacyStore + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let changed = change(&ada, 0, 7);
    accounts.change(&changed).await.expect("change");
    let log = accounts.page(ada.id, None, 1).await.expect("read the log");
    assert_eq!(log, [changed.entry]);
    assert_eq!(log[0].count, Some(7));
}

/// Also of who is being erased at that moment; and nobody has any afterwards.
pub async fn nobody_has_rules<A: Users + PrivacyStore + AccountErasure>(accounts: &A) {
    let (ada, bob) = (registered(accounts, 1).await, registered(accounts, 2).await);
    for user in [&ada, &bob] {
        accounts.change(&change(user, 0, 2)).await.expect("change");
    }
    let second = change(&ada, 1, 3);
    let (erased, changed) = tokio::join!(accounts.erase(ada.id, NOW), accounts.change(&second));
    erased.expect("erase");
    let changed = changed.expect("change");
    assert!(
        matches!(changed, RulesOutcome::Gone | RulesOutcome::Changed(2)),
        "{changed:?}"
    );
    assert_eq!(accounts.rules(ada.id).await.expect("read"), KeptRules::default());
    let late = accounts.change(&change(&ada, 0, 3)).await.expect("change");
    assert_eq!(late, RulesOutcome::Gone);
    assert_eq!(kept(accounts, bob.id).await, (1, 2));
}
