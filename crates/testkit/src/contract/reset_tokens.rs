//! What a maker of reset tokens must do.

#![cfg_attr(
    not(test),
    expect(
        clippy::unused_async,
        reason = "every fact of a contract is awaited, though this port answers at once"
    )
)]

use ports::accounts::ResetTokens;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! reset_tokens_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            reset_tokens,
            $home,
            [
                a_token_is_known_again_by_its_hash,
                no_two_tokens_are_the_same,
                what_has_not_the_shape_of_a_token_is_none,
            ]
        );
    };
}

/// Of the token itself nothing is kept.
pub async fn a_token_is_known_again_by_its_hash<T: ResetTokens>(tokens: &T) {
    let (token, hash) = tokens.make().expect("a token");
    assert_eq!(tokens.read(&token), Some(hash));
}

/// They are drawn.
pub async fn no_two_tokens_are_the_same<T: ResetTokens>(tokens: &T) {
    let make = || tokens.make().expect("a token");
    let ((one, one_hash), (other, other_hash)) = (make(), make());
    assert_ne!(one, other);
    assert_ne!(one_hash, other_hash);
}

/// Nobody is asked about it.
pub async fn what_has_not_the_shape_of_a_token_is_none<T: ResetTokens>(tokens: &T) {
    let (token, _) = tokens.make().expect("a token");
    for bad in [
        String::new(),
        token[1..].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{}+", &token[1..]),
        "A".repeat(1_000_000),
    ] {
        assert_eq!(tokens.read(&bad), None, "{:?}", &bad[..bad.len().min(50)]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_lists_every_fact() {
        let suite = include_str!("reset_tokens.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
