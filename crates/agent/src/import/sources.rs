//! What is found in files, as sources: one for each machine that ActivityWatch watched, one for WakaTime, one for tables, or one for all.

use std::collections::BTreeMap;

use domain::trackers::activitywatch::Row;

use crate::privacy::Privacy;
use crate::watch::Ping;

use super::claims::{self, Used};
use super::found::Found;
use super::machines;
use super::points::Point;

/// The most characters of a source's name: it is a device's.
pub const NAME_CHARS_MAX: usize = 64;

/// The source of all tables.
pub const TABLES: &str = "csv";
/// The source of all heartbeats.
pub const WAKATIME: &str = "wakatime";

/// What one source tells, as it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Claims: sorted, and never overlapping.
    pub pings: Vec<Ping>,
    /// Heartbeats: sorted, each once.
    pub points: Vec<Point>,
}

/// All sources, and what is to be told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gathered {
    /// By name; none of them is empty.
    pub sources: Vec<Source>,
    /// Machines of whose windows nothing counts, since nobody says when somebody was there.
    pub unattended: Vec<String>,
    /// How many heartbeats the person's rules and private time exclude.
    pub ruled_out: u64,
    /// How many heartbeats name their program by an id that nothing explains.
    pub nameless: u64,
}

/// Joins what was found. `name` is the name of the one source; without it each has its own.
#[must_use]
pub fn gather(found: Found, name: Option<&str>, privacy: &Privacy) -> Gathered {
    let Found {
        buckets,
        claims,
        points,
        mut names,
        ..
    } = found;
    let called = |own: &str| name.map_or_else(|| named(own), str::to_owned);
    let mut gathered = Gathered::default();
    let mut told: BTreeMap<String, Vec<Row<Used>>> = BTreeMap::new();
    for machine in machines::joined(buckets) {
        if !machine.has_presence {
            gathered.unattended.push(machine.name.clone());
        }
        let used = machine.used.into_iter().filter_map(|used| {
            let (label, passive) = (names.label(used.label)?, false);
            Some(Row {
                start: used.span.start(),
                end: used.span.end(),
                seen: Used { label, passive },
            })
        });
        let source = called(&of_machine(&machine.name));
        told.entry(source).or_default().extend(used);
    }
    told.entry(called(TABLES)).or_default().extend(claims);
    let points = points.named(privacy);
    (gathered.ruled_out, gathered.nameless) = (points.ruled_out, points.nameless);
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for (name, rows) in told {
        let pings = claims::joined(rows);
        sources.entry(name).or_default().pings = pings.into_iter().flat_map(|ping| public(ping, privacy)).collect();
    }
    sources.entry(called(WAKATIME)).or_default().points = points.points;
    let sources = sources.into_iter().map(|(name, source)| Source { name, ..source });
    gathered.sources = sources
        .filter(|source| !source.pings.is_empty() || !source.points.is_empty())
        .collect();
    gathered
}

fn public(ping: Ping, privacy: &Privacy) -> impl Iterator<Item = Ping> {
    let spans = privacy.public(ping.span);
    spans.into_iter().map(move |span| Ping { span, ..ping.clone() })
}

/// The source of what ActivityWatch saw on a machine.
#[must_use]
pub fn of_machine(hostname: &str) -> String {
    named(&format!("activitywatch {hostname}"))
}

/// A name that a device may have.
#[must_use]
pub fn named(text: &str) -> String {
    let visible = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let cut: String = visible.take(NAME_CHARS_MAX).collect();
    cut.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_gives_a_name_that_a_device_may_have() {
        assert_eq!(named("activitywatch laptop"), "activitywatch laptop");
        assert_eq!(named("activitywatch "), "activitywatch");
        assert_eq!(named("activitywatch a\nb"), "activitywatch a b");
        assert_eq!(
            named(&format!("activitywatch {}", "ä".repeat(80))).chars().count(),
            NAME_CHARS_MAX
        );
    }
}
