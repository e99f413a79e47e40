//! What claims would change of what is stored, told before anything is: by the same join that merges them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::time::Span;

use super::{AppName, Segment, Timeline};

/// What claims would change of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forecast {
    /// Milliseconds that nobody claimed before.
    pub added_ms: i64,
    /// Milliseconds that would be counted under another label than now.
    pub replaced_ms: i64,
    /// Milliseconds that the claims cover and that would be counted as they are now.
    pub kept_ms: i64,
    /// Where the added and the replaced milliseconds would be counted: the most first, ties by name.
    pub items: Vec<ForecastItem>,
}

/// What would be counted anew under an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastItem {
    /// The application.
    pub app_name: AppName,
    /// Milliseconds that nobody claimed before.
    pub added_ms: i64,
    /// Milliseconds that are counted under another label now.
    pub replaced_ms: i64,
}

impl Forecast {
    /// What `claims` would change of what is `stored`: every piece, in any order, that holds an instant of them. `O(n log n)` in the number of both.
    #[must_use]
    pub fn of(stored: impl IntoIterator<Item = Segment>, claims: Timeline) -> Self {
        let before = Timeline::of(stored);
        let covered_ms: i64 = claims.segments().iter().map(|claim| claim.span.ms()).sum();
        let after = before.clone().join(claims);
        let mut anew: BTreeMap<&AppName, (i64, i64)> = BTreeMap::new();
        let mut past = before.segments();
        for segment in after.segments() {
            let gone = past.partition_point(|old| old.span.end() <= segment.span.start());
            past = &past[gone..];
            let (mut held_ms, mut replaced_ms) = (0, 0);
            for old in past.iter().take_while(|old| old.span.start() < segment.span.end()) {
                let both_ms = old.span.clip(segment.span).map_or(0, Span::ms);
                held_ms += both_ms;
                if old.holder.label != segment.holder.label {
                    replaced_ms += both_ms;
                }
            }
            let added_ms = segment.span.ms() - held_ms;
            if added_ms + replaced_ms > 0 {
                let of_app = anew.entry(&segment.holder.label.app_name).or_default();
                *of_app = (of_app.0 + added_ms, of_app.1 + replaced_ms);
            }
        }
        Self::with(covered_ms, anew)
    }

    fn with(covered_ms: i64, anew: BTreeMap<&AppName, (i64, i64)>) -> Self {
        let items = anew
            .into_iter()
            .map(|(app_name, (added_ms, replaced_ms))| ForecastItem {
                app_name: app_name.clone(),
                added_ms,
                replaced_ms,
            });
        let mut items: Vec<_> = items.collect();
        // Stable, and they come by name.
        items.sort_by_key(|item| Reverse(item.added_ms + item.replaced_ms));
        let added_ms = items.iter().map(|item| item.added_ms).sum();
        let replaced_ms = items.iter().map(|item| item.replaced_ms).sum();
        Self {
            added_ms,
            replaced_ms,
            kept_ms: covered_ms - added_ms - replaced_ms,
            items,
        }
    }
}
