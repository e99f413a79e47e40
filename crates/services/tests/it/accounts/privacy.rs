//! Showing and changing privacy rules.

use domain::accounts::{Caller, SecurityEvent, UserId};
use domain::privacy::{PlainRule, PrivacyRules};
use ports::accounts::{Hearing, KeptRules, StandingChange};
use services::Kind;
use services::accounts::{AccountsError, Privacy};

use super::people::{ADA, ADDRESS, People, assert_unavailable, people_with_ada_signed_in};

fn privacy(people: &People) -> Privacy {
    Privacy {
        store: people.accounts.clone(),
        announcements: people.announcements.clone(),
        journal: people.journal(),
    }
}

/// Rules that exclude these applications.
fn excluding(apps: &[&str]) -> PrivacyRules {
    let rule = |app: &&str| PlainRule {
        app: Some((*app).to_owned()),
        action: "exclude".to_owned(),
        ..PlainRule::default()
    };
    PrivacyRules::parse(&apps.iter().map(rule).collect::<Vec<_>>()).expect("rules")
}

fn kept(version: u64, rules: PrivacyRules) -> KeptRules {
    KeptRules { version, rules }
}

async fn told(people: &People) -> Vec<StandingChange> {
    people.announcements.after(None).await.expect("heard").changes
}

#[tokio::test]
async fn rules_are_changed_told_and_noted_in_number() {
    let (people, caller) = people_with_ada_signed_in().await;
    let privacy = privacy(&people);
    assert_eq!(privacy.show(&caller).await.expect("shown"), KeptRules::default());
    for (version, apps) in [(1, ["a", "b"].as_slice()), (2, &["c"]), (3, &[])] {
        let changed = privacy.change(&caller, None, excluding(apps), ADDRESS).await;
        assert_eq!(changed.expect("changed"), kept(version, excluding(apps)));
        assert_eq!(
            privacy.show(&caller).await.expect("shown"),
            kept(version, excluding(apps))
        );
        let user = caller.user;
        assert_eq!(
            told(&people).await.last(),
            Some(&StandingChange::Rules { user, version })
        );
        let entry = people.last_entry(ADA).await;
        assert_eq!(entry.event, SecurityEvent::PrivacyRulesChanged);
        assert_eq!((entry.session, entry.address), (Some(caller.session), ADDRESS));
        assert_eq!(entry.count, u32::try_from(apps.len()).ok());
    }
}

#[tokio::test]
async fn rules_that_were_seen_are_replaced_and_others_are_not() {
    let (people, caller) = people_with_ada_signed_in().await;
    let privacy = privacy(&people);
    let change = async |seen: &[u64], app| {
        let changed = privacy.change(&caller, Some(seen), excluding(&[app]), ADDRESS).await;
        changed.map(|kept| kept.version)
    };
    assert_eq!(change(&[0], "a").await.expect("changed"), 1);
    for seen in [[].as_slice(), &[0], &[2], &[0, 2]] {
        let refused = change(seen, "b").await.expect_err("changed meanwhile");
        assert!(matches!(refused, AccountsError::RulesChanged), "{refused:?}");
        assert_eq!(refused.kind(), Kind::Conflict);
    }
    assert_eq!(privacy.show(&caller).await.expect("shown"), kept(1, excluding(&["a"])));
    assert_eq!(change(&[0, 1], "b").await.expect("changed"), 2);
}

#[tokio::test]
async fn rules_that_are_there_already_are_told_of_again_and_not_kept_again() {
    let (people, caller) = people_with_ada_signed_in().await;
    let privacy = privacy(&people);
    for _ in 0..2 {
        let changed = privacy.change(&caller, None, excluding(&["a"]), ADDRESS).await;
        assert_eq!(changed.expect("there"), kept(1, excluding(&["a"])));
    }
    let change = StandingChange::Rules {
        user: caller.user,
        version: 1,
    };
    let of_rules = told(&people).await.into_iter().filter(|told| *told == change);
    assert_eq!(of_rules.count(), 2);
    let noted = people.events(ADA).await.into_iter();
    assert_eq!(
        noted
            .filter(|event| *event == SecurityEvent::PrivacyRulesChanged)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_told_is_none_that_was_promised() {
    let (people, caller) = people_with_ada_signed_in().await;
    let privacy = privacy(&people);
    people.announcements.fail(true);
    assert_unavailable(privacy.change(&caller, None, excluding(&["a"]), ADDRESS).await);
    people.announcements.fail(false);
    let again = privacy.change(&caller, None, excluding(&["a"]), ADDRESS).await;
    assert_eq!(again.expect("told").version, 1);
    people.accounts.fail(true);
    assert_unavailable(privacy.change(&caller, None, excluding(&["b"]), ADDRESS).await);
    assert_unavailable(privacy.show(&caller).await);
}

#[tokio::test]
async fn nobody_has_rules() {
    let (people, caller) = people_with_ada_signed_in().await;
    let nobody = Caller {
        user: UserId(uuid::Uuid::from_u128(9)),
        ..caller
    };
    let gone = privacy(&people).change(&nobody, None, excluding(&["a"]), ADDRESS).await;
    assert!(matches!(gone, Err(AccountsError::AccountGone)), "{gone:?}");
}
