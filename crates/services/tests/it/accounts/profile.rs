//! Profiles.

use domain::accounts::FullName;
use ports::accounts::ProfileChange;
use services::Kind;
use services::accounts::Profile;

use super::people::people_with_ada_signed_in;

#[tokio::test]
async fn a_profile_changes_in_what_is_named_and_nothing_else() {
    let (people, caller) = people_with_ada_signed_in().await;
    let profile = Profile {
        users: people.accounts.clone(),
    };
    let before = profile.show(&caller).await.expect("shown");
    let change = ProfileChange {
        full_name: Some(FullName::parse("Ada L.").expect("valid")),
        ..ProfileChange::default()
    };
    let changed = profile.change(&caller, &change).await.expect("changed");
    assert_eq!(
        (changed.full_name.as_str(), changed.timezone),
        ("Ada L.", before.timezone)
    );
    assert_eq!(profile.show(&caller).await.expect("shown"), changed);
    let nobody = crate::world::caller(9);
    for gone in [
        profile.show(&nobody).await.map(drop),
        profile.change(&nobody, &change).await.map(drop),
    ] {
        assert_eq!(gone.expect_err("no such person").kind(), Kind::Unauthenticated);
    }
}
