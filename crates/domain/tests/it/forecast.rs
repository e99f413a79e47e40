//! What is foretold of claims is what the model counts once they are merged.

use std::collections::BTreeMap;

use domain::usage::{Forecast, ForecastItem, Segment, Timeline};
use proptest::prelude::*;

use crate::model::{cells, claims, holder, segment};

/// Read off the cells one by one: before, and with the claims.
fn counted(stored: &[Segment], claims: &[Segment]) -> Forecast {
    let before = cells(stored);
    let both: Vec<_> = stored.iter().chain(claims).cloned().collect();
    let after = cells(&both);
    let (mut kept_ms, mut anew) = (0, BTreeMap::new());
    for instant in cells(claims).keys() {
        let holder = &after[instant];
        let old = before.get(instant).map(|old| &old.label);
        if old == Some(&holder.label) {
            kept_ms += 1;
            continue;
        }
        let of_app: &mut (i64, i64) = anew.entry(holder.label.app_name.clone()).or_default();
        match old {
            None => of_app.0 += 1,
            Some(_) => of_app.1 += 1,
        }
    }
    let mut items: Vec<_> = anew
        .into_iter()
        .map(|(app_name, (added_ms, replaced_ms))| ForecastItem {
            app_name,
            added_ms,
            replaced_ms,
        })
        .collect();
    items.sort_by_key(|item| (-(item.added_ms + item.replaced_ms), item.app_name.clone()));
    Forecast {
        added_ms: items.iter().map(|item| item.added_ms).sum(),
        replaced_ms: items.iter().map(|item| item.replaced_ms).sum(),
        kept_ms,
        items,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_foretold_is_what_the_model_counts(stored in claims(), claims in claims()) {
        // As they are stored: cut at midnight, and in any order.
        let pieces: Vec<_> = Timeline::of(stored.clone()).pieces().collect();
        let foretold = Forecast::of(pieces.into_iter().rev(), Timeline::of(claims.clone()));
        prop_assert_eq!(foretold, counted(&stored, &claims));
    }

    #[test]
    fn of_what_is_merged_already_everything_is_kept(stored in claims(), claims in claims()) {
        let merged = Timeline::of(stored).join(Timeline::of(claims.clone()));
        let foretold = Forecast::of(merged.pieces(), Timeline::of(claims.clone()));
        let kept_ms = i64::try_from(cells(&claims).len()).expect("few");
        prop_assert_eq!(foretold, Forecast { kept_ms, ..Forecast::default() });
    }
}

#[test]
fn the_application_with_the_most_comes_first_and_the_same_label_of_another_device_is_kept() {
    let (live, imported) = (|app| holder(1, 1, 1, (app, None)), |app| holder(1, 0, 2, (app, None)));
    let stored = [segment(0, 4, live("a")), segment(4, 6, holder(0, 1, 1, ("b", None)))];
    let claims = [
        segment(-1, 5, imported("a")),
        segment(5, 6, imported("b")),
        segment(6, 9, imported("c")),
    ];
    let foretold = Forecast::of(stored, Timeline::of(claims));
    let items: Vec<_> = foretold
        .items
        .iter()
        .map(|item| (item.app_name.as_str(), item.added_ms, item.replaced_ms))
        .collect();
    // An active claim beats a passive one, whoever makes it.
    assert_eq!(items, [("c", 3, 0), ("a", 1, 1)]);
    assert_eq!((foretold.added_ms, foretold.replaced_ms, foretold.kept_ms), (4, 1, 5));
}
