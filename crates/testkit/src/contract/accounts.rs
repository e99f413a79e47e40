//! What a store of people and their sign-ins must do.

mod devices;
mod people;
mod tokens;

use domain::accounts::{DayStart, DeviceId, DeviceKey, Email, FullName, SessionId, User, UserId};
use domain::time::UnixMs;
use ports::accounts::{PasswordHash, RefreshHash, Rotate, Rotation, Sessions, SignIn, Users};
use uuid::Uuid;

pub use devices::*;
pub use people::*;
pub use tokens::*;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! accounts_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            accounts,
            $home,
            [
                nobody_is_found_where_nobody_is,
                a_new_person_is_found_by_id_and_by_email,
                an_email_address_is_taken_once,
                an_update_changes_what_it_names_and_nothing_else,
                a_key_that_is_new_becomes_a_device,
                signing_in_again_keeps_the_device,
                the_device_that_signed_in_last_has_the_greatest_precedence,
                devices_that_sign_in_at_once_get_different_precedences,
                one_key_of_two_people_is_two_devices,
                nobody_cannot_sign_in,
                the_newest_token_is_replaced_by_its_successor,
                a_token_whose_answer_was_lost_can_be_shown_again,
                a_token_whose_successor_was_used_ends_the_session,
                a_successor_that_was_lost_and_replaced_ends_the_session,
                an_expired_token_is_unknown_and_ends_nothing,
                a_session_that_never_was_is_unknown,
                signing_in_again_ends_the_session_before,
                of_two_that_show_one_token_at_once_both_are_answered,
            ]
        );
    };
}

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);
const HOUR_MS: i64 = 3_600_000;

fn person(id: u128, email: &str) -> User {
    User {
        id: UserId(Uuid::from_u128(id)),
        email: Email::parse(email).expect("an address"),
        full_name: FullName::parse("Ada").expect("a name"),
        timezone: "Europe/Berlin".parse().expect("a zone"),
        day_start: DayStart::default(),
        created_at: NOW,
    }
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id${text}"))
}

async fn registered<A: Users>(accounts: &A, id: u128) -> User {
    let person = person(id, &format!("person{id}@example.org"));
    assert!(accounts.insert(&person, &hash("x")).await.expect("insert"));
    person
}

fn session(id: u128) -> SessionId {
    SessionId(Uuid::from_u128(id))
}

fn refresh(number: u8) -> RefreshHash {
    RefreshHash([number; 32])
}

/// A sign-in whose device, session and token all have the number `id`; it expires in an hour.
fn sign_in(user: &User, key: &str, id: u128) -> SignIn {
    SignIn {
        user: user.id,
        key: DeviceKey::parse(key).expect("a key"),
        new_device: DeviceId(Uuid::from_u128(id)),
        name: None,
        platform: None,
        session: session(id),
        refresh: refresh(u8::try_from(id).expect("a small number")),
        now: NOW,
        expires_at: NOW.plus_ms(HOUR_MS),
    }
}

fn rotate(id: u128, shown: u8, successor: u8) -> Rotate {
    Rotate {
        session: session(id),
        shown: refresh(shown),
        successor: refresh(successor),
        now: NOW,
        expires_at: NOW.plus_ms(HOUR_MS),
    }
}

async fn is_rotated<A: Sessions>(accounts: &A, rotate: Rotate) -> bool {
    matches!(
        accounts.rotate(&rotate).await.expect("rotate"),
        Rotation::Rotated { .. }
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let parts = [
            include_str!("accounts/devices.rs"),
            include_str!("accounts/people.rs"),
            include_str!("accounts/tokens.rs"),
        ];
        crate::contract::assert_listed(include_str!("accounts.rs"), &parts);
    }
}
