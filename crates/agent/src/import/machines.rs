//! ActivityWatch's buckets joined, machine by machine, as the relay joins what watchers send it.

use domain::time::UnixMs;
use domain::trackers::activitywatch::{GAP_MAX_MS, Machines, Presence, Streams, Tabs, Used};
use domain::usage::{AppName, Domain};

use super::activitywatch::{Bucket, Rows};
use super::steps::{Near, sort, step_of};

/// What the buckets of a machine say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What it is called.
    pub name: String,
    /// Whether any bucket says when somebody was there. Without one nothing counts.
    pub has_presence: bool,
    /// What was used there, sorted and without overlaps.
    pub used: Vec<Used>,
}

/// Each machine whose windows were watched, by name.
#[must_use]
pub fn joined(mut buckets: Vec<Bucket>) -> Vec<Machine> {
    for bucket in &mut buckets {
        match &mut bucket.rows {
            Rows::Windows(rows) => sort(rows),
            Rows::Presence(rows) => sort(rows),
            Rows::Tabs(tabs) => sort(&mut tabs.rows),
        }
    }
    let windows = buckets.iter().filter(|bucket| matches!(bucket.rows, Rows::Windows(_)));
    let machines = Machines::of(windows.map(|bucket| bucket.hostname.as_str()));
    let told = |name: &str| {
        let tells = |bucket: &&Bucket| machines.tells(&bucket.hostname, name);
        machine(name, buckets.iter().filter(tells))
    };
    machines.names().map(told).collect()
}

/// What the buckets say that tell of the machine.
fn machine<'a>(name: &str, buckets: impl Iterator<Item = &'a Bucket>) -> Machine {
    let mut watched = Nearby::default();
    for bucket in buckets {
        match &bucket.rows {
            Rows::Windows(rows) => watched.windows.push(Near::over(rows)),
            Rows::Presence(rows) => watched.presence.push(Near::over(rows)),
            Rows::Tabs(tabs) => watched.tabs.push((tabs, Near::over(&tabs.rows))),
        }
    }
    Machine {
        name: name.to_owned(),
        has_presence: !watched.presence.is_empty(),
        used: watched.used(),
    }
}

/// The buckets of one machine, as far as they are near the stretch of time that is joined.
#[derive(Default)]
struct Nearby<'a> {
    windows: Vec<Near<'a, Option<AppName>>>,
    presence: Vec<Near<'a, Presence>>,
    tabs: Vec<(&'a Tabs, Near<'a, Option<Domain>>)>,
}

impl Nearby<'_> {
    fn used(&mut self) -> Vec<Used> {
        let mut used = Vec::new();
        let mut at = UnixMs(i64::MIN);
        while let Some(step) = self
            .windows
            .iter()
            .filter_map(|near| near.next(at))
            .min()
            .and_then(step_of)
        {
            // What is said of an instant needs what is so near to it, and nothing else.
            let reach = step.widen(GAP_MAX_MS);
            let streams = Streams {
                windows: self.windows.iter_mut().map(|near| near.rows(reach)).collect(),
                presence: self.presence.iter_mut().map(|near| near.rows(reach)).collect(),
                tabs: self
                    .tabs
                    .iter_mut()
                    .map(|(tabs, near)| Tabs {
                        browser: tabs.browser.clone(),
                        rows: near.rows(reach),
                    })
                    .collect(),
            };
            used.extend(streams.join(step));
            at = step.end();
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Span;
    use domain::trackers::activitywatch::{Browser, Row};
    use proptest::prelude::*;

    use crate::import::steps::STEP_MS;

    use super::*;

    fn row<T>(start: i64, end: i64, seen: T) -> Row<T> {
        Row {
            start: UnixMs(start),
            end: UnixMs(end),
            seen,
        }
    }

    fn bucket(id: &str, hostname: &str, rows: Rows) -> Bucket {
        Bucket {
            id: id.to_owned(),
            hostname: hostname.to_owned(),
            rows,
        }
    }

    fn app(name: &str) -> Option<AppName> {
        AppName::parse(name).ok()
    }

    #[test]
    fn machines_have_their_own_windows_and_share_what_names_no_machine() {
        let tabs = Tabs {
            browser: Browser::of_bucket("aw-watcher-web-firefox").expect("a browser"),
            rows: vec![row(0, 900, Domain::of_url("https://example.org").expect("a URL"))],
        };
        let machines = joined(vec![
            bucket("w1", "desk", Rows::Windows(vec![row(0, 400, app("Firefox"))])),
            bucket("w2", "attic", Rows::Windows(vec![row(100, 500, app("XTerm"))])),
            bucket("a1", "desk", Rows::Presence(vec![row(0, 1_000, Presence::Here)])),
            bucket("t1", "unknown", Rows::Tabs(tabs)),
        ]);
        let short: Vec<_> = machines
            .iter()
            .map(|machine| {
                let sites = machine.used.iter().map(|used| used.label.domain.is_some());
                (machine.name.as_str(), machine.has_presence, sites.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(short, [("attic", false, vec![]), ("desk", true, vec![true])]);
    }

    type Given = (Vec<(i64, i64, usize)>, Vec<(i64, i64, bool)>, Vec<(i64, i64, usize)>);

    fn given() -> impl Strategy<Value = Given> {
        // Around two ends of steps, so that rows and gaps lie across them.
        let at = || prop_oneof![-60_i64..60, (STEP_MS / 1_000 - 60)..(STEP_MS / 1_000 + 60)];
        let length = || prop_oneof![0_i64..12, 0_i64..40_000];
        (
            prop::collection::vec((at(), length(), 0_usize..3), 0..20),
            prop::collection::vec((at(), length(), any::<bool>()), 0..8),
            prop::collection::vec((at(), length(), 0_usize..3), 0..12),
        )
    }

    fn buckets((windows, presence, tabs): &Given) -> Vec<Bucket> {
        let span = |start: i64, length: i64| (start * 1_000, (start + length) * 1_000);
        let windows = windows.iter().map(|(start, length, name)| {
            let (start, end) = span(*start, *length);
            row(start, end, app(["Firefox", "XTerm", "Editor"][*name]))
        });
        let presence = presence.iter().map(|(start, length, here)| {
            let (start, end) = span(*start, *length);
            row(start, end, if *here { Presence::Here } else { Presence::Away })
        });
        let sites = [None, Some("https://a.example"), Some("https://b.example")];
        let tabs = tabs.iter().map(|(start, length, site)| {
            let (start, end) = span(*start, *length);
            row(
                start,
                end,
                sites[*site].and_then(|url| Domain::of_url(url).expect("a URL")),
            )
        });
        let browser = Browser::of_bucket("aw-watcher-web-firefox").expect("a browser");
        vec![
            bucket("w", "desk", Rows::Windows(windows.collect())),
            bucket("a", "desk", Rows::Presence(presence.collect())),
            bucket(
                "t",
                "desk",
                Rows::Tabs(Tabs {
                    browser,
                    rows: tabs.collect(),
                }),
            ),
        ]
    }

    proptest! {
        #[test]
        fn steps_say_what_all_rows_at_once_say_in_any_order(given in given()) {
            let streams = {
                let mut streams = Streams::default();
                for bucket in buckets(&given) {
                    match bucket.rows {
                        Rows::Windows(rows) => streams.windows.push(rows),
                        Rows::Presence(rows) => streams.presence.push(rows),
                        Rows::Tabs(tabs) => streams.tabs.push(tabs),
                    }
                }
                streams
            };
            let machines = joined(buckets(&given));
            // Each step of the whole, by itself.
            let whole = Span::new(UnixMs(-10 * STEP_MS), UnixMs(20 * STEP_MS)).expect("not empty");
            let whole = streams.join(whole);
            let stepwise: Vec<Used> = (-10..20)
                .filter_map(|step| Span::new(UnixMs(step * STEP_MS), UnixMs((step + 1) * STEP_MS)))
                .flat_map(|step| {
                    whole
                        .iter()
                        .filter_map(move |used| Some(Used { span: used.span.clip(step)?, label: used.label.clone() }))
                        .collect::<Vec<_>>()
                })
                .collect();
            prop_assert_eq!(&machines[0].used, &stepwise);
            let mut turned = buckets(&given);
            turned.reverse();
            for bucket in &mut turned {
                match &mut bucket.rows {
                    Rows::Windows(rows) => rows.reverse(),
                    Rows::Presence(rows) => rows.reverse(),
                    Rows::Tabs(tabs) => tabs.rows.reverse(),
                }
            }
            prop_assert_eq!(joined(turned), machines);
        }
    }
}
