//! Replacing refresh tokens.

use ports::accounts::{Rotate, Rotation, Sessions, Users};

use super::{HOUR_MS, NOW, is_rotated, registered, rotate, session, sign_in};

/// Token after token, each answered with who may have an access token.
pub async fn the_newest_token_is_replaced_by_its_successor<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    let device = accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    for (shown, successor) in [(10, 20), (20, 21), (21, 22)] {
        let rotation = accounts.rotate(&rotate(10, shown, successor)).await.expect("rotate");
        let Rotation::Rotated {
            caller,
            device: rotated,
        } = rotation
        else {
            panic!("{shown}: {rotation:?}")
        };
        assert_eq!(rotated, device);
        assert_eq!(
            (caller.user, caller.device, caller.session),
            (ada.id, device.id, session(10))
        );
        assert_eq!(caller.precedence, device.precedence);
    }
}

/// As long as none of the successors it got was used.
pub async fn a_token_whose_answer_was_lost_can_be_shown_again<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    for successor in [20, 21, 22] {
        assert!(is_rotated(accounts, rotate(10, 10, successor)).await, "{successor}");
    }
    assert!(is_rotated(accounts, rotate(10, 22, 30)).await);
}

/// Somebody has a copy: from then on no token of the session is any good.
pub async fn a_token_whose_successor_was_used_ends_the_session<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    accounts.sign_in(&sign_in(&ada, "other", 11)).await.expect("sign in");
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    assert!(is_rotated(accounts, rotate(10, 20, 21)).await);
    assert_eq!(
        accounts.rotate(&rotate(10, 10, 22)).await.expect("rotate"),
        Rotation::Replayed
    );
    for shown in [10, 20, 21, 22] {
        assert_eq!(
            accounts.rotate(&rotate(10, shown, 30)).await.expect("rotate"),
            Rotation::Unknown
        );
    }
    assert!(
        is_rotated(accounts, rotate(11, 11, 31)).await,
        "another device's session goes on"
    );
}

/// A successor that nobody received, as its holder showed the token before again, comes from a copy.
pub async fn a_successor_that_was_lost_and_replaced_ends_the_session<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    assert!(is_rotated(accounts, rotate(10, 10, 21)).await);
    assert_eq!(
        accounts.rotate(&rotate(10, 20, 22)).await.expect("rotate"),
        Rotation::Replayed
    );
    assert_eq!(
        accounts.rotate(&rotate(10, 21, 23)).await.expect("rotate"),
        Rotation::Unknown
    );
}

/// From the very instant on; and each rotation moves that instant.
pub async fn an_expired_token_is_unknown_and_ends_nothing<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    let at = |ms: i64, shown| Rotate {
        now: NOW.plus_ms(ms),
        expires_at: NOW.plus_ms(2 * HOUR_MS),
        ..rotate(10, shown, 20)
    };
    assert_eq!(
        accounts.rotate(&at(HOUR_MS, 10)).await.expect("rotate"),
        Rotation::Unknown
    );
    assert!(is_rotated(accounts, at(HOUR_MS - 1, 10)).await, "nothing had ended");
    assert!(is_rotated(accounts, at(2 * HOUR_MS - 1, 20)).await);
    assert_eq!(
        accounts.rotate(&at(2 * HOUR_MS, 99)).await.expect("rotate"),
        Rotation::Unknown
    );
}

/// Whatever is shown for it.
pub async fn a_session_that_never_was_is_unknown<A: Users + Sessions>(accounts: &A) {
    assert_eq!(
        accounts.rotate(&rotate(10, 10, 20)).await.expect("rotate"),
        Rotation::Unknown
    );
}

/// A device has one session, the last.
pub async fn signing_in_again_ends_the_session_before<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    assert!(is_rotated(accounts, rotate(10, 10, 20)).await);
    accounts.sign_in(&sign_in(&ada, "k", 11)).await.expect("sign in");
    assert_eq!(
        accounts.rotate(&rotate(10, 20, 21)).await.expect("rotate"),
        Rotation::Unknown
    );
    assert_eq!(
        accounts.rotate(&rotate(11, 20, 22)).await.expect("rotate"),
        Rotation::Replayed,
        "a token of another session"
    );
    accounts.sign_in(&sign_in(&ada, "k", 12)).await.expect("sign in");
    assert!(is_rotated(accounts, rotate(12, 12, 23)).await);
}

/// One of the successors is the newest then, the other was lost.
pub async fn of_two_that_show_one_token_at_once_both_are_answered<A: Users + Sessions>(accounts: &A) {
    let ada = registered(accounts, 1).await;
    accounts.sign_in(&sign_in(&ada, "k", 10)).await.expect("sign in");
    let (one, other) = tokio::join!(
        is_rotated(accounts, rotate(10, 10, 20)),
        is_rotated(accounts, rotate(10, 10, 21))
    );
    assert!(one && other);
}
