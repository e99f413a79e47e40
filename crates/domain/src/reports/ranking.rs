//! Sums in the order in which people read them.

use std::collections::HashMap;
use std::hash::Hash;

use crate::usage::{AppName, Domain, Label};

/// Milliseconds by label.
pub type LabelTotals = HashMap<Label, i64>;

/// Milliseconds by application, longest first, ties by the bytes of the name.
#[must_use]
pub fn by_app(totals_ms: &LabelTotals) -> Vec<(AppName, i64)> {
    ranked(totals_ms, |label| label.app_name.clone())
}

/// Milliseconds by site, longest first, ties by the bytes of the site; time without a site is under `None`.
#[must_use]
pub fn by_site(totals_ms: &LabelTotals) -> Vec<(Option<Domain>, i64)> {
    ranked(totals_ms, |label| label.domain.clone())
}

/// Milliseconds by `key`, longest first, ties by the key.
pub(super) fn ranked<T, K: Hash + Ord>(totals_ms: &HashMap<T, i64>, key: impl Fn(&T) -> K) -> Vec<(K, i64)> {
    let mut sums: HashMap<K, i64> = HashMap::new();
    for (total, ms) in totals_ms {
        *sums.entry(key(total)).or_default() += ms;
    }
    let mut ranked: Vec<(K, i64)> = sums.into_iter().collect();
    ranked.sort_by(|(key_a, ms_a), (key_b, ms_b)| ms_b.cmp(ms_a).then_with(|| key_a.cmp(key_b)));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_comes_first_and_ties_go_by_name() {
        let totals = LabelTotals::from([
            (Label::trusted("b", None), 5),
            (Label::trusted("a", None), 2),
            (Label::trusted("a", Some("x.org")), 3),
            (Label::trusted("c", Some("x.org")), 9),
        ]);
        let apps: Vec<_> = by_app(&totals)
            .into_iter()
            .map(|(app, ms)| (app.as_str().to_owned(), ms))
            .collect();
        assert_eq!(apps, [("c".to_owned(), 9), ("a".to_owned(), 5), ("b".to_owned(), 5)]);
        let sites: Vec<_> = by_site(&totals)
            .into_iter()
            .map(|(site, ms)| (site.map(|s| s.as_str().to_owned()), ms))
            .collect();
        assert_eq!(sites, [(Some("x.org".to_owned()), 12), (None, 7)]);
    }
}
