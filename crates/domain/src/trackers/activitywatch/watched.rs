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

/// The machines whose windows are watched, and which buckets tell of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machines<'a>(Vec<&'a str>);

impl<'a> Machines<'a> {
    /// Those that buckets of focused applications name.
    #[must_use]
    pub fn of(windows: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = windows.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().copied()
    }

    /// Whether a bucket with this host name tells of the machine. One that names none of them tells of all: not every watcher knows where it runs.
    #[must_use]
    pub fn tells(&self, hostname: &str, machine: &str) -> bool {
        hostname == machine || self.0.binary_search(&hostname).is_err()
    }
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

    /// The streams of each machine whose windows were watched.
    #[must_use]
    pub fn machines(&self) -> Vec<Streams> {
        let machines = self.named();
        let streams = |machine: &str| {
            let tells = |hostname: &str| machines.tells(hostname, machine);
            Streams {
                windows: of(&self.windows, tells),
                presence: of(&self.presence, tells),
                tabs: of(&self.tabs, tells),
            }
        };
        machines.names().map(streams).collect()
    }

    /// The machines whose windows were watched, in the order of [`machines`](Self::machines).
    pub(super) fn named(&self) -> Machines<'_> {
        Machines::of(self.windows.iter().map(|(name, _)| name.as_str()))
    }
}

fn of<T: Clone>(buckets: &[(String, T)], tells: impl Fn(&str) -> bool) -> Vec<T> {
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
        let machines = Machines::of(["b", "a", "b"]);
        assert_eq!(machines.names().collect::<Vec<_>>(), ["a", "b"]);
        let told = |hostname| machines.names().filter(|name| machines.tells(hostname, name)).count();
        assert_eq!(["a", "b", "c", ""].map(told), [1, 1, 2, 2]);
    }
}
