//! What a maker of API keys must do.

#![cfg_attr(
    not(test),
    expect(
        clippy::unused_async,
        reason = "every fact of a contract is awaited, though this port answers at once"
    )
)]

use domain::accounts::ApiKeyText;
use ports::accounts::KeyMaker;

/// A test for each fact. The expression is evaluated in each, in an async function, to a fresh adapter after what must outlive it.
#[macro_export]
macro_rules! key_maker_contract {
    ($home:expr) => {
        $crate::contract_tests!(
            api_keys,
            $home,
            [
                a_key_is_known_again_by_its_hash_in_both_spellings,
                no_two_keys_are_the_same
            ]
        );
    };
}

/// Trackers send it with the prefix and without.
pub async fn a_key_is_known_again_by_its_hash_in_both_spellings<K: KeyMaker>(keys: &K) {
    let (key, hash) = keys.make().expect("a key");
    let text = key.text();
    for spelling in [text.as_str(), text.trim_start_matches("waka_")] {
        let read = ApiKeyText::parse(spelling).expect(spelling);
        assert_eq!((read, keys.hash(&read)), (key, hash));
    }
}

/// They are drawn.
pub async fn no_two_keys_are_the_same<K: KeyMaker>(keys: &K) {
    let make = || keys.make().expect("a key");
    let ((one, one_hash), (other, other_hash)) = (make(), make());
    assert_ne!(one, other);
    assert_ne!(one_hash, other_hash);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_lists_every_fact() {
        let suite = include_str!("api_keys.rs");
        crate::contract::assert_listed(suite, &[suite]);
    }
}
