//! The buckets of a person's machines, each with the machine that it tells of.

use crate::time::Span;
use crate::usage::AppName;

use super::{Presence, Row, Streams, Tabs, Used};

/// What buckets tell, with the name of the machine that each tells of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Each bucket of focused applications.
    pub windows: Vec<(String, Vec<Row<Option<AppName>>>)>,
    /// Each bucket of presence.
    pub presence: Vec<(String, Vec<Row<Presence>>)>,
    /// Each bucket of tabs.
    pub tabs: Vec<(String, Tabs)>,
}

impl Watched {
    /// What the rows tell of `within`, machine by machine.
    #[must_use]
    pub fn join(&self, within: Span) -> Vec<Used> {
        self.machines()
            .iter()
            .flat_map(|machine| machine.join(within))
            .collect()
    }

    /// What all tabs tell of focus that is known from elsewhere.
    #[must_use]
    pub fn sites(&self, focus: &[Row<AppName>], within: Span) -> Vec<Used> {
        let tabs = self.tabs.iter().map(|(_, tabs)| tabs.clone()).collect();
        let streams = Streams {
            tabs,
            ..Streams::default()
        };
        streams.sites(focus, within)
    }

    /// The streams of each machine whose windows were watched. A bucket that names no such machine tells of all of them: not every watcher knows
    /// where it runs.
    #[must_use]
    pub fn machines(&self) -> Vec<Streams> {
        let names = self.names();
        let tells_of = |bucket: &String, name: &String| bucket == name || !names.contains(&bucket);
        let streams = |name: &&String| Streams {
            windows: of(&self.windows, |of| of == *name),
            presence: of(&self.presence, |of| tells_of(of, name)),
            tabs: of(&self.tabs, |of| tells_of(of, name)),
        };
        names.iter().map(streams).collect()
    }

    /// The machines whose windows were watched, in the order of [`machines`](Self::machines).
    pub(super) fn names(&self) -> Vec<&String> {
        let mut names: Vec<&String> = self.windows.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn of<T: Clone>(buckets: &[(String, T)], tells: impl Fn(&String) -> bool) -> Vec<T> {
    let told = buckets.iter().filter(|(name, _)| tells(name));
    told.map(|(_, rows)| rows.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_names_no_watched_machine_tells_of_all() {
        let watched = Watched {
            windows: vec![("a".to_owned(), Vec::new()), ("b".to_owned(), Vec::new())],
            presence: ["a", "b", "c"].map(|name| (name.to_owned(), Vec::new())).into(),
            tabs: Vec::new(),
        };
        let counts = |streams: Streams| (streams.windows.len(), streams.presence.len());
        let machines: Vec<_> = watched.machines().into_iter().map(counts).collect();
        assert_eq!(machines, [(1, 2), (1, 2)]);
        assert!(Watched::default().machines().is_empty());
    }
}
