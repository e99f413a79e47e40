//! When a key signs, until when it is accepted and when it goes: decided from the keys and the time alone, so that all nodes decide alike.

use domain::time::{DAY_MS, SECOND_MS, UnixMs};

use super::TokenKey;

/// How old the newest key gets before the next one is made.
const AGE_MAX_MS: i64 = 30 * DAY_MS;
/// How long a key is known before it signs: by then every node that reaches the database has loaded it.
const LEAD_MS: i64 = 10 * 60 * SECOND_MS;
/// How long a key is accepted after the next one began to sign: twice as long as a token lives, and so long enough also for what a node signed that was
/// a minute late and whose clock was wrong.
const TAIL_MS: i64 = 10 * 60 * SECOND_MS;
/// How long it is kept after that, should somebody want to know what a token was signed with.
const KEPT_MS: i64 = DAY_MS;

/// A key, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedKey {
    /// The key.
    pub key: TokenKey,
    /// When it was made, by the clock of the node that made it.
    pub made_at: UnixMs,
}

/// What the keys are for at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rota {
    /// The key that signs, and after it the others that are accepted. Empty when there is no key at all.
    pub keys: Vec<TokenKey>,
    /// The names of those that nobody needs any more.
    pub spent: Vec<String>,
    /// The next key is to be made.
    pub is_new_due: bool,
}

impl Rota {
    /// What `keys`, in any order, are for at `now`.
    #[must_use]
    pub fn of(keys: &[DatedKey], now: UnixMs) -> Self {
        let mut keys: Vec<&DatedKey> = keys.iter().collect();
        keys.sort_by_key(|dated| (dated.made_at, &dated.key.id));
        let signs = |at: usize| keys[at].made_at.plus_ms(LEAD_MS) <= now;
        // The first key signs at once: there is nobody whom it could surprise.
        let signing = (1..keys.len()).rev().find(|at| signs(*at)).unwrap_or(0);
        let mut rota = Self {
            keys: keys.get(signing).map(|dated| dated.key.clone()).into_iter().collect(),
            spent: Vec::new(),
            is_new_due: keys
                .last()
                .is_none_or(|newest| newest.made_at.plus_ms(AGE_MAX_MS) <= now),
        };
        for (at, dated) in keys.iter().enumerate().filter(|(at, _)| *at != signing) {
            let next = keys.get(at + 1).map(|next| next.made_at.plus_ms(LEAD_MS));
            let accepted_until = next.map(|next| next.plus_ms(TAIL_MS));
            if accepted_until.is_none_or(|until| now < until) {
                rota.keys.push(dated.key.clone());
            } else if accepted_until.is_some_and(|until| until.plus_ms(KEPT_MS) <= now) {
                rota.spent.push(dated.key.id.clone());
            }
        }
        rota
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIN_MS: i64 = 60 * SECOND_MS;
    const START: UnixMs = UnixMs(1_774_958_400_000);

    /// A key named by when it was made, in milliseconds after the start.
    fn made(at_ms: i64) -> DatedKey {
        DatedKey {
            key: TokenKey {
                id: at_ms.to_string(),
                secret: vec![1; 32],
            },
            made_at: START.plus_ms(at_ms),
        }
    }

    /// The keys' names, the one that signs first; the names of the spent ones; whether a new one is due.
    fn rota(made_at: &[i64], now_ms: i64) -> (Vec<String>, Vec<String>, bool) {
        let keys: Vec<DatedKey> = made_at.iter().copied().map(made).collect();
        let rota = Rota::of(&keys, START.plus_ms(now_ms));
        let names = rota.keys.into_iter().map(|key| key.id).collect();
        (names, rota.spent, rota.is_new_due)
    }

    fn names(of: &[i64]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_key_one_is_due() {
        assert_eq!(rota(&[], 0), (Vec::new(), Vec::new(), true));
    }

    #[test]
    fn the_first_key_signs_at_once_also_where_a_clock_is_behind() {
        assert_eq!(rota(&[0], 0), (names(&[0]), Vec::new(), false));
        assert_eq!(rota(&[0], -1), (names(&[0]), Vec::new(), false));
    }

    #[test]
    fn a_new_key_is_due_when_the_newest_is_30_days_old() {
        let month = 30 * DAY_MS;
        assert!(!rota(&[0], month - 1).2);
        assert!(rota(&[0], month).2);
        assert!(!rota(&[0, month], month).2);
        assert!(rota(&[0, month], 2 * month).2);
    }

    #[test]
    fn a_new_key_is_accepted_at_once_and_signs_10_minutes_later() {
        let at = 100 * MIN_MS;
        assert_eq!(rota(&[0, at], at).0, names(&[0, at]));
        assert_eq!(rota(&[0, at], at + 10 * MIN_MS - 1).0, names(&[0, at]));
        assert_eq!(rota(&[0, at], at + 10 * MIN_MS).0, names(&[at, 0]));
    }

    #[test]
    fn a_key_is_accepted_until_10_minutes_after_its_successor_began_to_sign() {
        let signs = 110 * MIN_MS;
        let keys = [0, 100 * MIN_MS];
        assert_eq!(rota(&keys, signs + 10 * MIN_MS - 1).0, names(&[100 * MIN_MS, 0]));
        assert_eq!(rota(&keys, signs + 10 * MIN_MS).0, names(&[100 * MIN_MS]));
    }

    #[test]
    fn a_key_goes_a_day_after_it_was_last_accepted() {
        let keys = [0, 100 * MIN_MS];
        let last = 120 * MIN_MS;
        assert_eq!(rota(&keys, last + DAY_MS - 1).1, names(&[]));
        assert_eq!(rota(&keys, last + DAY_MS).1, names(&[0]));
    }

    #[test]
    fn of_many_keys_the_newest_that_may_sign_does_whatever_their_order() {
        let keys = [50 * MIN_MS, 0, 25 * MIN_MS];
        assert_eq!(rota(&keys, 59 * MIN_MS).0, names(&[25 * MIN_MS, 50 * MIN_MS]));
        let (both, _, _) = rota(&keys, 44 * MIN_MS);
        assert_eq!(both, names(&[25 * MIN_MS, 0, 50 * MIN_MS]));
    }

    proptest! {
        /// Nodes load the keys each minute, and their clocks are a minute apart: whatever one signs, every other accepts until it expires.
        #[test]
        fn whatever_a_node_signs_every_other_accepts(
            ages in prop::collection::vec(0..60 * 60 * 24_i64, 1..6),
            now_secs in -600..60 * 60 * 26_i64,
            (signer_late, checker_late) in (-120..120_i64, -120..120_i64),
            token_age in 0..300_i64,
        ) {
            let keys: Vec<DatedKey> = ages.iter().map(|secs| made(secs * SECOND_MS)).collect();
            let known = |at_secs: i64| -> Vec<DatedKey> {
                // A key may have come up to two minutes ago without having been loaded yet.
                let first = keys.iter().map(|dated| dated.made_at).min();
                let old_enough = |dated: &&DatedKey| dated.made_at <= START.plus_ms((at_secs - 120) * SECOND_MS) || Some(dated.made_at) == first;
                keys.iter().filter(old_enough).cloned().collect()
            };
            let at = |secs: i64| START.plus_ms(secs * SECOND_MS);
            let signing = Rota::of(&known(now_secs), at(now_secs + signer_late));
            let checked = now_secs + token_age;
            let accepting = Rota::of(&known(checked), at(checked + checker_late));
            prop_assert!(accepting.keys.contains(&signing.keys[0]));
        }

        #[test]
        fn what_signs_is_never_spent_and_nothing_is_both(ages in prop::collection::vec(0..100_000_000_i64, 1..8), now in 0..200_000_000_i64) {
            let keys: Vec<DatedKey> = ages.iter().copied().map(made).collect();
            let rota = Rota::of(&keys, START.plus_ms(now));
            prop_assert!(!rota.keys.is_empty());
            prop_assert!(rota.keys.iter().all(|key| !rota.spent.contains(&key.id)));
        }
    }
}
