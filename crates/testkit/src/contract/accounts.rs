//! What a store of people and their sign-ins must do.

mod credentials;
mod device_codes;
mod devices;
mod endings;
mod erasure;
mod factors;
mod imports;
mod keys;
mod log;
mod people;
mod privacy;
mod resets;
mod sign_ins;
mod tokens;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::accounts::{
    DayStart, Device, DeviceId, DeviceKey, Email, EntryId, FullName, Scopes, SecurityEntry, SecurityEvent, SessionId,
    User, UserId,
};
use domain::time::UnixMs;
use domain::usage::Patience;
use ports::accounts::{
    ApiKeyHash, ApiKeys, Devices, End, NewApiKey, NewKeyOutcome, PasswordHash, RefreshHash, Rotate, Rotation,
    SecurityLog, Sessions, SignIn, SignInOutcome, Users, Which,
};
use uuid::Uuid;

pub use credentials::*;
pub use device_codes::*;
pub use devices::*;
pub use endings::*;
pub use erasure::*;
pub use factors::*;
pub use imports::*;
pub use keys::*;
pub use log::*;
pub use people::*;
pub use privacy::*;
pub use resets::*;
pub use sign_ins::*;
pub use tokens::*;

pub(super) use resets::{reset, used};

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
                of_two_who_register_with_one_address_at_once_one_is_kept,
                an_update_changes_what_it_names_and_nothing_else,
                a_new_address_takes_the_place_of_the_one_before,
                an_address_that_somebody_has_is_not_given_again,
                a_new_hash_of_the_same_password_takes_the_place_of_the_old_one,
                a_changed_password_keeps_one_session,
                a_password_changed_without_a_session_ends_all,
                the_password_of_nobody_cannot_be_changed,
                a_changed_password_voids_a_reset,
                a_token_sets_the_password_once,
                a_token_is_good_until_it_expires,
                a_new_token_takes_the_place_of_the_one_before,
                a_token_made_a_moment_ago_is_left_as_it_is,
                of_two_that_use_a_token_at_once_one_sets_the_password,
                a_reset_ends_all_sessions_of_its_person_alone,
                a_key_that_is_new_becomes_a_device,
                signing_in_again_keeps_the_device,
                signing_in_again_tells_which_session_it_replaced,
                a_sign_in_with_a_password_that_was_replaced_meanwhile_is_not_kept,
                of_two_that_sign_in_on_one_device_at_once_one_stays,
                a_sign_in_is_in_the_log_with_its_device,
                the_device_that_signed_in_last_has_the_greatest_precedence,
                after_they_were_ordered_signing_in_again_moves_no_device,
                devices_that_sign_in_at_once_get_different_precedences,
                one_key_of_two_people_is_two_devices,
                a_person_has_so_many_devices_and_no_more,
                nobody_cannot_sign_in,
                the_newest_token_is_replaced_by_its_successor,
                a_token_whose_answer_was_lost_can_be_shown_again,
                any_successor_may_be_used_and_voids_the_others,
                so_many_successors_may_be_out_at_once,
                one_successor_more_voids_the_oldest,
                ten_refreshes_at_once_leave_one_live_branch,
                of_two_successors_used_at_once_one_is_a_copy,
                a_token_whose_successor_was_used_ends_the_session,
                a_replay_is_in_the_log_of_its_person,
                an_expired_token_is_unknown_and_ends_nothing,
                a_session_that_never_was_is_unknown,
                signing_in_again_ends_the_session_before,
                a_session_ends_once,
                a_device_is_signed_out_with_its_api_key,
                all_sessions_end_at_once_and_api_keys_stay,
                nobody_ends_what_is_not_theirs,
                devices_are_listed_by_precedence_with_how_they_stand,
                a_device_that_is_signed_out_is_not_listed_nor_changed,
                a_device_whose_session_has_expired_is_not_listed_nor_changed,
                a_change_of_a_device_changes_what_it_names,
                a_new_precedence_is_told_from_then_on,
                a_device_was_seen_when_it_was_heard_of_last,
                a_key_is_found_by_its_hash,
                keys_are_listed_newest_first,
                a_revoked_key_speaks_for_nobody,
                a_key_of_somebody_else_is_not_revoked,
                a_person_has_so_many_keys_and_no_more,
                a_use_is_noted_unless_a_later_one_was,
                a_source_is_one_device_for_ever,
                each_source_comes_after_those_before_and_after_all_devices_that_sign_in,
                what_is_foreseen_is_what_is_kept_and_keeps_nothing,
                a_person_has_so_many_sources_and_no_more,
                of_many_that_import_from_one_source_at_once_all_have_the_same_device,
                a_device_of_imported_history_is_renamed_and_removed_until_it_is_used_again,
                nobody_sees_or_changes_the_sources_of_another,
                who_is_gone_or_closed_imports_nothing,
                with_a_person_go_their_sources,
                a_secret_waits_until_it_is_confirmed,
                a_secret_that_does_not_wait_is_not_confirmed,
                a_factor_in_use_is_not_replaced,
                the_step_of_a_code_only_goes_up,
                of_two_that_use_one_step_at_once_one_is_let_in,
                a_recovery_code_is_used_once,
                of_two_that_use_one_recovery_code_at_once_one_is_let_in,
                new_recovery_codes_void_the_old_ones,
                a_factor_that_was_removed_leaves_nothing,
                who_never_made_rules_has_none,
                rules_take_the_place_of_those_before,
                rules_that_were_changed_meanwhile_stay,
                of_many_changes_at_once_one_is_kept,
                a_change_of_rules_is_in_the_log,
                nobody_has_rules,
                every_event_comes_back_whole,
                a_log_is_read_page_by_page_from_the_newest,
                an_entry_of_nobody_is_in_no_log,
                of_a_person_nothing_is_forgotten_with_what_is_nobodys,
                a_device_waits_until_it_is_answered,
                a_confirmed_device_is_signed_in_once,
                a_device_that_was_turned_down_is_told_so,
                of_two_answers_the_first_counts,
                of_two_claims_at_once_one_is_signed_in,
                codes_are_good_until_they_expire,
                a_device_that_asks_too_often_has_to_wait_longer,
                a_code_is_not_given_twice,
                so_many_devices_wait_from_one_address_and_no_more,
                so_many_devices_wait_and_no_more,
                what_was_confirmed_before_the_password_changed_is_void,
                with_a_person_go_the_devices_they_answered,
                every_device_a_person_had_is_told,
                of_an_erased_person_nothing_is_left,
                who_was_erased_meanwhile_is_neither_signed_in_nor_given_a_key,
                erasing_leaves_everybody_else_as_they_are,
            ]
        );
    };
}

/// 2026-03-31T12:00:00.250Z.
const NOW: UnixMs = UnixMs(1_774_958_400_250);
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
/// The version of the password that a person registers with.
const FIRST_PASSWORD: i32 = 1;
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(super) fn person(id: u128, email: &str) -> User {
    User {
        id: UserId(Uuid::from_u128(id)),
        email: address(email),
        full_name: FullName::parse("Ada").expect("a name"),
        timezone: "Europe/Berlin".parse().expect("a zone"),
        day_start: DayStart::default(),
        heartbeat_timeout: Patience::default(),
        created_at: NOW,
    }
}

pub(super) fn address(email: &str) -> Email {
    Email::parse(email).expect("an address")
}

pub(super) fn hash(text: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id${text}"))
}

pub(super) async fn registered<A: Users>(accounts: &A, id: u128) -> User {
    let person = person(id, &format!("person{id}@example.org"));
    let entry = entry(&person, SecurityEvent::Registered);
    assert!(accounts.insert(&person, &hash("x"), &entry).await.expect("insert"));
    person
}

pub(super) fn session(id: u128) -> SessionId {
    SessionId(Uuid::from_u128(id))
}

fn device(id: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(id))
}

fn refresh(number: u8) -> RefreshHash {
    RefreshHash([number; 32])
}

/// An entry of somebody's log, later than all that were made before.
pub(super) fn entry(user: &User, event: SecurityEvent) -> SecurityEntry {
    SecurityEntry {
        user: Some(user.id),
        ..unowned(event)
    }
}

/// An entry that is nobody's yet.
pub(super) fn unowned(event: SecurityEvent) -> SecurityEntry {
    static MADE: AtomicU64 = AtomicU64::new(1);
    SecurityEntry {
        id: EntryId(Uuid::from_u128(MADE.fetch_add(1, Ordering::SeqCst).into())),
        user: None,
        at: NOW,
        event,
        device: None,
        session: None,
        address: Some(ADDRESS),
        count: None,
    }
}

/// A sign-in whose device, session and token all have the number `id`; it expires in an hour.
pub(super) fn sign_in(user: &User, key: &str, id: u128) -> SignIn {
    SignIn {
        user: user.id,
        key: DeviceKey::parse(key).expect("a key"),
        new_device: device(id),
        name: None,
        platform: None,
        session: session(id),
        refresh: refresh(u8::try_from(id).expect("a small number")),
        now: NOW,
        expires_at: NOW.plus_ms(HOUR_MS),
        address: Some(ADDRESS),
        password_version: FIRST_PASSWORD,
        entry: SecurityEntry {
            session: Some(session(id)),
            ..entry(user, SecurityEvent::SignedIn)
        },
    }
}

/// The device that a sign-in is on, and the session that it replaced.
pub(super) async fn outcome_of<A: Sessions>(accounts: &A, sign_in: &SignIn) -> (Device, Option<SessionId>) {
    match accounts.sign_in(sign_in).await.expect("sign in") {
        SignInOutcome::SignedIn { device, replaced } => (device, replaced),
        refused => panic!("{refused:?}"),
    }
}

/// The device of [`sign_in`], signed in.
pub(super) async fn signed_in<A: Sessions>(accounts: &A, user: &User, key: &str, id: u128) -> Device {
    outcome_of(accounts, &sign_in(user, key, id)).await.0
}

pub(super) fn rotate(id: u128, shown: u8, successor: u8) -> Rotate {
    Rotate {
        session: session(id),
        shown: refresh(shown),
        successor: refresh(successor),
        now: NOW,
        expires_at: NOW.plus_ms(HOUR_MS),
        address: Some(ADDRESS),
        entry: unowned(SecurityEvent::RefreshReused),
    }
}

async fn rotated<A: Sessions>(accounts: &A, rotate: &Rotate) -> Rotation {
    accounts.rotate(rotate).await.expect("rotate")
}

async fn is_rotated<A: Sessions>(accounts: &A, rotate: Rotate) -> bool {
    matches!(rotated(accounts, &rotate).await, Rotation::Rotated { .. })
}

/// Which of these sessions of [`sign_in`] go on: their first tokens are good.
pub(super) async fn alive<A: Sessions>(accounts: &A, sessions: &[u8]) -> Vec<u8> {
    let mut alive = Vec::new();
    for id in sessions {
        if is_rotated(accounts, rotate(u128::from(*id), *id, 100 + *id)).await {
            alive.push(*id);
        }
    }
    alive
}

pub(super) fn end(user: &User, which: Which) -> End {
    End {
        user: user.id,
        which,
        now: NOW,
        entry: entry(user, SecurityEvent::SignedOut),
    }
}

/// A key whose id, device and hash all have the number `id`.
pub(super) fn api_key(user: &User, id: u8) -> NewApiKey {
    NewApiKey {
        id: session(id.into()),
        user: user.id,
        device: device(id.into()),
        name: format!("key {id}"),
        device_name: format!("editor {id}"),
        hash: key_hash(id),
        scopes: Scopes::all(),
        now: NOW,
        entry: entry(user, SecurityEvent::ApiKeyCreated),
    }
}

pub(super) fn key_hash(id: u8) -> ApiKeyHash {
    ApiKeyHash([id; 32])
}

pub(super) async fn has_key<A: ApiKeys>(accounts: &A, key: &NewApiKey) {
    assert!(is_key_kept(accounts, key).await);
}

async fn is_key_kept<A: ApiKeys>(accounts: &A, key: &NewApiKey) -> bool {
    accounts.insert(key).await.expect("insert a key") == NewKeyOutcome::Kept
}

/// What happened to a person, the latest first.
pub(super) async fn events<A: SecurityLog>(accounts: &A, user: &User) -> Vec<SecurityEvent> {
    let entries = accounts.page(user.id, None, 2_000).await.expect("read the log");
    entries.into_iter().map(|entry| entry.event).collect()
}

/// The sessions in one order.
pub(super) fn sorted(mut sessions: Vec<SessionId>) -> Vec<SessionId> {
    sessions.sort_unstable();
    sessions
}

async fn precedences<A: Devices>(accounts: &A, user: &User) -> Vec<(DeviceId, i32)> {
    let devices = accounts.list(user.id, NOW).await.expect("list");
    let devices = devices.into_iter().map(|state| state.device);
    devices.map(|device| (device.id, device.precedence)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_fact_is_listed() {
        let parts = [
            include_str!("accounts/credentials.rs"),
            include_str!("accounts/device_codes.rs"),
            include_str!("accounts/devices.rs"),
            include_str!("accounts/endings.rs"),
            include_str!("accounts/erasure.rs"),
            include_str!("accounts/factors.rs"),
            include_str!("accounts/imports.rs"),
            include_str!("accounts/keys.rs"),
            include_str!("accounts/log.rs"),
            include_str!("accounts/people.rs"),
            include_str!("accounts/privacy.rs"),
            include_str!("accounts/resets.rs"),
            include_str!("accounts/sign_ins.rs"),
            include_str!("accounts/tokens.rs"),
        ];
        crate::contract::assert_listed(include_str!("accounts.rs"), &parts);
    }
}
