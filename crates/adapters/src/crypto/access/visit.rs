//! A visit to the page that confirms devices, as the token has it that the browser keeps.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::accounts::{DeviceId, SessionId, UserId};
use domain::time::UnixMs;
use ports::accounts::{UserCodeHash, Visit, VisitState};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Says that it is a visit and no access token.
pub(super) const TYPE: &str = "daybook-visit+jwt";

/// The states, by the words they have in a token.
const STATES: [(VisitState, &str); 4] = [
    (VisitState::Found, "found"),
    (VisitState::Missed, "missed"),
    (VisitState::Approved, "approved"),
    (VisitState::Denied, "denied"),
];

/// What the token of a visit says.
#[derive(Serialize, Deserialize)]
pub(super) struct Claims<'a> {
    sub: Uuid,
    pwv: i32,
    on: Option<(Uuid, Uuid)>,
    code: String,
    state: &'a str,
    exp_ms: i64,
}

impl Claims<'static> {
    pub(super) fn of(visit: &Visit) -> Self {
        let word = STATES.iter().find(|(state, _)| *state == visit.state);
        Self {
            sub: visit.user.0,
            pwv: visit.password_version,
            on: visit.on.map(|(device, session)| (device.0, session.0)),
            code: BASE64_URL_SAFE_NO_PAD.encode(visit.code.0),
            state: word.expect("every state has a word").1,
            exp_ms: visit.expires_at.0,
        }
    }
}

impl Claims<'_> {
    pub(super) fn visit(&self) -> Option<Visit> {
        let code = BASE64_URL_SAFE_NO_PAD.decode(&self.code).ok()?;
        Some(Visit {
            user: UserId(self.sub),
            password_version: self.pwv,
            on: self.on.map(|(device, session)| (DeviceId(device), SessionId(session))),
            code: UserCodeHash(code.try_into().ok()?),
            state: STATES.iter().find(|(_, word)| *word == self.state)?.0,
            expires_at: UnixMs(self.exp_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::accounts::Caller;
    use ports::accounts::AccessTokens;

    use super::*;
    use crate::crypto::{SignedAccessTokens, TokenKey};

    const NOW: UnixMs = UnixMs(1_772_355_600_000);
    const END: UnixMs = UnixMs(1_772_355_900_000);

    fn key(id: &str) -> TokenKey {
        TokenKey {
            id: id.to_owned(),
            secret: vec![7; 32],
        }
    }

    fn tokens(key: TokenKey) -> SignedAccessTokens {
        SignedAccessTokens::new(&[key]).expect("usable keys")
    }

    fn visit(state: VisitState) -> Visit {
        Visit {
            user: UserId(Uuid::from_u128(1)),
            password_version: 2,
            on: Some((DeviceId(Uuid::from_u128(3)), SessionId(Uuid::from_u128(4)))),
            code: UserCodeHash([5; 32]),
            state,
            expires_at: END,
        }
    }

    #[test]
    fn a_visit_is_known_again_as_it_was_until_it_ends() {
        let tokens = tokens(key("a"));
        for (state, _) in STATES {
            for on in [None, visit(state).on] {
                let visit = Visit { on, ..visit(state) };
                let token = tokens.issue_visit(&visit).expect("a token");
                assert_eq!(tokens.verify_visit(&token, NOW), Some(visit));
                assert_eq!(tokens.verify_visit(&token, END.plus_ms(-1)), Some(visit));
                assert_eq!(tokens.verify_visit(&token, END), None);
            }
        }
    }

    #[test]
    fn it_opens_nothing_else_and_nothing_else_is_one() {
        let tokens = tokens(key("a"));
        let visited = tokens.issue_visit(&visit(VisitState::Found)).expect("a token");
        assert_eq!(tokens.verify(&visited, NOW), None);
        let caller = Caller {
            user: UserId(Uuid::from_u128(1)),
            device: DeviceId(Uuid::from_u128(3)),
            session: SessionId(Uuid::from_u128(4)),
            precedence: 0,
        };
        let (access, _) = tokens.issue(&caller, NOW).expect("a token");
        assert_eq!(tokens.verify_visit(&access, NOW), None);
        // Nor with the head of the other: what is signed is both.
        let swap = |head: &str, rest: &str| {
            let (head, _) = head.split_once('.').expect("a header");
            let (_, rest) = rest.split_once('.').expect("claims");
            format!("{head}.{rest}")
        };
        assert_eq!(tokens.verify(&swap(&access, &visited), NOW), None);
        assert_eq!(tokens.verify_visit(&swap(&visited, &access), NOW), None);
    }

    #[test]
    fn what_was_changed_or_signed_by_another_key_is_none() {
        let tokens = tokens(key("a"));
        let token = tokens.issue_visit(&visit(VisitState::Denied)).expect("a token");
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(tokens.verify_visit(&changed, NOW), None, "character {at}");
            assert_eq!(tokens.verify_visit(&token[..at], NOW), None, "cut to {at}");
        }
        let other = TokenKey {
            secret: vec![8; 32],
            ..key("a")
        };
        let other = SignedAccessTokens::new(&[other]).expect("usable keys");
        assert_eq!(other.verify_visit(&token, NOW), None);
    }
}
