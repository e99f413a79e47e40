//! Where rows stand in their files, so that one which the server refuses is told by its place.

use domain::time::UnixMs;

/// So many rows before an instant are looked at for one that holds it.
const LOOKED_BACK_MAX: usize = 256;

/// The places of all rows that are of use.
#[derive(Debug, Clone, Default)]
pub struct Places {
    lists: Vec<Listed>,
    is_sorted: bool,
}

/// The rows of a file, of a bucket or of a day, which are numbered from 1.
#[derive(Debug, Clone, Default)]
pub struct List {
    name: String,
    rows: Vec<Place>,
}

/// What the rows of a list become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// Stretches of time.
    Claims,
    /// Heartbeats.
    Points,
}

/// A row among all: its list, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    list: usize,
    number: u32,
}

#[derive(Debug, Clone)]
struct Listed {
    source: String,
    becomes: Becomes,
    list: List,
}

/// Small, since there is one for each row.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: UnixMs,
    /// At most seven weeks, which is longer than anything that is sent.
    length_ms: u32,
    number: u32,
}

impl List {
    /// The same rows, each of which is called by this name and its number.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// Notes where a row stands that tells of a stretch of time, or of an instant.
    pub fn note(&mut self, number: u64, start: UnixMs, end: UnixMs) {
        let length_ms = end.0.saturating_sub(start.0).max(0);
        self.rows.push(Place {
            start,
            length_ms: u32::try_from(length_ms).unwrap_or(u32::MAX),
            number: u32::try_from(number).unwrap_or(u32::MAX),
        });
    }
}

impl Places {
    /// Adds the rows of a list, of which a source with this name comes.
    pub fn add(&mut self, source: String, becomes: Becomes, list: List) {
        if !list.rows.is_empty() {
            self.is_sorted = false;
            self.lists.push(Listed { source, becomes, list });
        }
    }

    /// The same where all sources have one name.
    #[must_use]
    pub fn under(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            for listed in &mut self.lists {
                name.clone_into(&mut listed.source);
            }
        }
        self
    }

    /// The row of the source that tells of the instant: of several that hold it the one that starts last, as everywhere; else the one that ended last before it.
    pub fn find(&mut self, source: &str, becomes: Becomes, at: UnixMs) -> Option<Row> {
        self.sort();
        let lists = self.lists.iter().enumerate();
        let lists = lists.filter(|(_, listed)| listed.becomes == becomes && listed.source == source);
        let found = lists.filter_map(|(list, listed)| {
            let rows = &listed.list.rows;
            let before = &rows[..rows.partition_point(|row| row.start <= at)];
            let near = before.iter().rev().take(LOOKED_BACK_MAX);
            let (nearness, number) = near.map(|row| (row.nearness(at), row.number)).max()?;
            Some((nearness, Row { list, number }))
        });
        found.max().map(|(_, row)| row)
    }

    /// What a row is called.
    #[must_use]
    pub fn name(&self, row: Row) -> String {
        let list = self.lists.get(row.list).map_or("", |listed| listed.list.name.as_str());
        format!("{list} {}", row.number)
    }

    /// Only when a row is looked for, which is seldom.
    fn sort(&mut self) {
        if !self.is_sorted {
            let lists = self.lists.iter_mut().map(|listed| &mut listed.list.rows);
            lists.for_each(|rows| rows.sort_unstable_by_key(|row| (row.start, row.number)));
            self.is_sorted = true;
        }
    }
}

impl Place {
    /// Whether it holds the instant, and by what it is compared with others that do, or with others that do not.
    fn nearness(self, at: UnixMs) -> (bool, UnixMs) {
        let end = self.start.plus_ms(i64::from(self.length_ms));
        if self.start == at || at < end {
            (true, self.start)
        } else {
            (false, end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source, what its rows are called and become, and from when to when each is.
    type Given<'a> = (&'a str, &'a str, Becomes, &'a [(i64, i64)]);

    fn places(lists: &[Given<'_>]) -> Places {
        let mut places = Places::default();
        for (source, name, becomes, rows) in lists {
            let mut list = List::default().named((*name).to_owned());
            for ((start, end), number) in rows.iter().zip(2..) {
                list.note(number, UnixMs(*start), UnixMs(*end));
            }
            places.add((*source).to_owned(), *becomes, list);
        }
        places
    }

    fn found(places: &mut Places, source: &str, becomes: Becomes, at: i64) -> Option<String> {
        let row = places.find(source, becomes, UnixMs(at))?;
        Some(places.name(row))
    }

    #[test]
    fn the_row_that_holds_an_instant_and_starts_last_is_found_in_any_order() {
        let rows = [(100, 200), (0, 90), (20, 30), (20, 30), (95, 96)];
        let mut places = places(&[("csv", "a.csv, line", Becomes::Claims, &rows)]);
        for (at, line) in [
            (0, Some(3)),
            (25, Some(5)),
            (30, Some(3)),
            (89, Some(3)),
            // Between two rows: the last one before.
            (92, Some(3)),
            (95, Some(6)),
            (97, Some(6)),
            (150, Some(2)),
            (-1, None),
        ] {
            let line = line.map(|line| format!("a.csv, line {line}"));
            assert_eq!(found(&mut places, "csv", Becomes::Claims, at), line, "{at}");
        }
        assert_eq!(found(&mut places, "csv", Becomes::Points, 25), None);
        assert_eq!(found(&mut places, "wakatime", Becomes::Claims, 25), None);
    }

    #[test]
    fn sources_are_told_apart_until_they_have_one_name() {
        let mut places = places(&[
            ("desk", "a.json, event", Becomes::Claims, &[(0, 100)]),
            ("attic", "b.json, event", Becomes::Claims, &[(50, 100)]),
            ("wakatime", "c.json, heartbeat", Becomes::Points, &[(60, 60)]),
        ]);
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(found(&mut places, "desk", Becomes::Claims, 60), told("a.json, event 2"));
        let mut places = places.under(Some("all"));
        assert_eq!(found(&mut places, "all", Becomes::Claims, 60), told("b.json, event 2"));
        assert_eq!(
            found(&mut places, "all", Becomes::Points, 60),
            told("c.json, heartbeat 2")
        );
        assert_eq!(found(&mut places, "desk", Becomes::Claims, 60), None);
    }

    #[test]
    fn no_more_rows_are_looked_at_than_the_bound() {
        let count = i64::try_from(LOOKED_BACK_MAX).expect("small");
        for (others, line) in [(count - 1, 2), (count, LOOKED_BACK_MAX + 2)] {
            let mut rows = vec![(0, 10_000)];
            rows.extend((1..=others).map(|start| (start, start)));
            let mut places = places(&[("csv", "line", Becomes::Claims, &rows)]);
            let line = Some(format!("line {line}"));
            assert_eq!(found(&mut places, "csv", Becomes::Claims, 5_000), line);
        }
    }
}
