//! Replacing refresh tokens.

use domain::accounts::SecurityEvent;
use ports::accounts::{DeviceChange, Devices, Rotate, Rotation, SecurityLog, Sessions, Users};

use super::{HOUR_MS, NOW, entry, events, is_rotated, registered, rotate, rotated, session, signed_in, unowned};

/// Token after token, each answered with who may have an access token, and with the precedence of their device by then.
pub async fn the_newest_token_is_replaced_by_its_successor<A: Users + Sessions + Devices>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let mut expected = signed_in(accounts, &ada, "k", 10).await;
    for (shown, successor) in [(10, 20), (20, 21), (21, 22)] {
        let rotation = rotated(accounts, &rotate(10, shown, successor)).await;
        let Rotation::Rotated { caller, device } = rotation else {
            panic!("{shown}: {rotation:?}")
        };
        assert_eq!(device, expected);
        assert_eq!(
            (caller.user, caller.device, caller.session),
            (ada.id, device.id, session(10))
        );
        assert_eq!(caller.precedence, expected.precedence);
        expected.precedence += 7;
        let change = DeviceChange {
            name: None,
            precedence: Some(expected.precedence),
        };
        accounts.change(ada.id, device.id, &change, NOW).await.expect("change");
    }
}

/// As long as none of the successors it got was used.
pub async fn a_token_whose_answer_was_lost_can_be_shown_again<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    for successor in [20, 21, 22] {
        assert!(is_rotated(accounts, rotate(10, 10, successor)).await, "{successor}");
    }
    assert!(is_rotated(accounts, rotate(10, 22, 30)).await);
}

/// Answers overtake each other. From then on the others are copies.
pub async fn any_successor_may_be_used_and_voids_the_others<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    for (id, key, used, other) in [(10, "a", 20, 21), (11, "b", 21, 20), (12, "c", 22, 21)] {
        signed_in(accounts, &ada, key, id).await;
        let first = u8::try_from(id).expect("a small number");
        for successor in [20, 21, 22] {
            assert!(is_rotated(accounts, rotate(id, first, successor)).await);
        }
        assert!(is_rotated(accounts, rotate(id, used, 30)).await, "{used}");
        assert!(is_rotated(accounts, rotate(id, used, 31)).await, "{used} again");
        let rotation = rotated(accounts, &rotate(id, other, 32)).await;
        assert_eq!(rotation, Rotation::Replayed, "{other} after {used}");
        assert_eq!(rotated(accounts, &rotate(id, 31, 33)).await, Rotation::Unknown);
    }
}

/// Successors 50 to 50 and so many more, all for one token.
async fn successors<A: Users + Sessions>(accounts: &A, count: usize) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    for successor in (50..).take(count) {
        assert!(is_rotated(accounts, rotate(10, 10, successor)).await, "{successor}");
    }
}

/// [`Rotate::SUCCESSORS_MAX`]: the oldest of them is as good as the newest.
pub async fn so_many_successors_may_be_out_at_once<A: Users + Sessions>(accounts: &A) {
    successors(accounts, Rotate::SUCCESSORS_MAX).await;
    assert!(is_rotated(accounts, rotate(10, 50, 20)).await);
    assert!(is_rotated(accounts, rotate(10, 20, 21)).await);
}

/// The next oldest is good, and the one that is void is told from one that never was by nobody: it ends the session.
pub async fn one_successor_more_voids_the_oldest<A: Users + Sessions>(accounts: &A) {
    successors(accounts, Rotate::SUCCESSORS_MAX + 1).await;
    let bob = registered(accounts, 2).await;
    signed_in(accounts, &bob, "k", 11).await;
    for successor in (50..).take(Rotate::SUCCESSORS_MAX + 1) {
        assert!(is_rotated(accounts, rotate(11, 11, successor)).await);
    }
    assert!(is_rotated(accounts, rotate(11, 51, 20)).await);
    assert_eq!(rotated(accounts, &rotate(10, 50, 20)).await, Rotation::Replayed);
    assert_eq!(rotated(accounts, &rotate(10, 51, 20)).await, Rotation::Unknown);
}

/// All are answered; the first answer that is used goes on, and any other ends the session.
pub async fn ten_refreshes_at_once_leave_one_live_branch<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    let at_once = |successor| is_rotated(accounts, rotate(10, 10, successor));
    let answered = tokio::join!(
        at_once(50),
        at_once(51),
        at_once(52),
        at_once(53),
        at_once(54),
        at_once(55),
        at_once(56),
        at_once(57),
        at_once(58),
        at_once(59)
    );
    assert_eq!(answered, (true, true, true, true, true, true, true, true, true, true));
    assert!(is_rotated(accounts, rotate(10, 53, 60)).await);
    assert!(is_rotated(accounts, rotate(10, 60, 61)).await, "the branch goes on");
    assert_eq!(rotated(accounts, &rotate(10, 59, 62)).await, Rotation::Replayed);
    assert_eq!(rotated(accounts, &rotate(10, 61, 63)).await, Rotation::Unknown);
}

/// Whichever is first is answered, and the other ends the session.
pub async fn of_two_successors_used_at_once_one_is_a_copy<A: Users + Sessions>(accounts: &A) {
    successors(accounts, 2).await;
    let (first, second) = (rotate(10, 50, 20), rotate(10, 51, 21));
    let (one, two) = tokio::join!(rotated(accounts, &first), rotated(accounts, &second));
    let replayed = [&one, &two].map(|rotation| *rotation == Rotation::Replayed);
    assert!(
        replayed == [true, false] || replayed == [false, true],
        "{one:?} {two:?}"
    );
    let is_rotated = |rotation: &Rotation| matches!(rotation, Rotation::Rotated { .. });
    assert!(is_rotated(&one) || is_rotated(&two), "{one:?} {two:?}");
    for shown in [20, 21] {
        assert_eq!(rotated(accounts, &rotate(10, shown, 30)).await, Rotation::Unknown);
    }
}

/// Somebody has a copy: from then on no token of the session is any good.
pub async fn a_token_whose_successor_was_used_ends_the_session<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    signed_in(accounts, &ada, "other", 11).await;
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    assert!(is_rotated(accounts, rotate(10, 20, 21)).await);
    assert_eq!(rotated(accounts, &rotate(10, 10, 22)).await, Rotation::Replayed);
    for shown in [10, 20, 21, 22] {
        assert_eq!(rotated(accounts, &rotate(10, shown, 30)).await, Rotation::Unknown);
    }
    assert!(
        is_rotated(accounts, rotate(11, 11, 31)).await,
        "another device's session goes on"
    );
}

/// Once; whose it is, and which session of which device, the store knows. What goes well is not in it.
pub async fn a_replay_is_in_the_log_of_its_person<A: Users + Sessions + SecurityLog>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let device = signed_in(accounts, &ada, "k", 10).await;
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    let replay = Rotate {
        entry: unowned(SecurityEvent::RefreshReused),
        ..rotate(10, 99, 21)
    };
    assert_eq!(rotated(accounts, &replay).await, Rotation::Replayed);
    assert_eq!(rotated(accounts, &rotate(10, 20, 22)).await, Rotation::Unknown);
    let expected = domain::accounts::SecurityEntry {
        id: replay.entry.id,
        device: Some(device.id),
        session: Some(session(10)),
        ..entry(&ada, SecurityEvent::RefreshReused)
    };
    let log = accounts.page(ada.id, None, 1).await.expect("read the log");
    assert_eq!(log, [expected]);
    let all = [
        SecurityEvent::RefreshReused,
        SecurityEvent::SignedIn,
        SecurityEvent::Registered,
    ];
    assert_eq!(events(accounts, &ada).await, all);
}

/// From the very instant on; and each rotation moves that instant.
pub async fn an_expired_token_is_unknown_and_ends_nothing<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    let at = |ms: i64, shown| Rotate {
        now: NOW.plus_ms(ms),
        expires_at: NOW.plus_ms(2 * HOUR_MS),
        ..rotate(10, shown, 20)
    };
    assert_eq!(rotated(accounts, &at(HOUR_MS, 10)).await, Rotation::Unknown);
    assert!(is_rotated(accounts, at(HOUR_MS - 1, 10)).await, "nothing had ended");
    assert!(is_rotated(accounts, at(2 * HOUR_MS - 1, 20)).await);
    assert_eq!(rotated(accounts, &at(2 * HOUR_MS, 99)).await, Rotation::Unknown);
}

/// Whatever is shown for it.
pub async fn a_session_that_never_was_is_unknown<A: Users + Sessions>(accounts: &A) {
    assert_eq!(rotated(accounts, &rotate(10, 10, 20)).await, Rotation::Unknown);
}

/// A device has one session, the last.
pub async fn signing_in_again_ends_the_session_before<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    signed_in(accounts, &ada, "k", 10).await;
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    signed_in(accounts, &ada, "k", 11).await;
    assert_eq!(rotated(accounts, &rotate(10, 20, 21)).await, Rotation::Unknown);
    assert_eq!(
        rotated(accounts, &rotate(11, 20, 22)).await,
        Rotation::Replayed,
        "a token of another session"
    );
    signed_in(accounts, &ada, "k", 12).await;
    assert!(is_rotated(accounts, rotate(12, 12, 23)).await);
}
