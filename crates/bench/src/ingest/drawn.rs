//! The figures of the door as lines: what it takes over connections, and how long it takes over the rate.

use std::time::Duration;

use crate::chart::{Axis, Chart, Line, Scale};
use crate::figures::ms;
use crate::histogram::Histogram;

use super::{Cell, pings};

/// What is drawn.
#[derive(Default)]
pub(super) struct Drawn {
    /// Whose rate, in which cell, and pings a second.
    pub(super) rates: Vec<(&'static str, Cell, f64)>,
    /// With which policy, at how many single pings a second that were due, how long answers took.
    pub(super) latencies: Vec<(&'static str, f64, Histogram)>,
}

/// The lines of latencies: what they are called, and how many of 1,000 are no longer.
const QUANTILES: [(&str, u64); 3] = [("p50", 500), ("p99", 990), ("p99.9", 999)];

impl Drawn {
    /// The charts.
    pub(super) fn charts(&self) -> Vec<Chart> {
        let rates = Chart {
            title: "Accepted, each connection as fast as it is answered".to_owned(),
            x: Axis {
                marks: distinct(self.rates.iter().map(|(_, cell, _)| f64::from(cell.connections))),
                ..Axis::new("connections", Scale::Log)
            },
            y: Axis::new("pings/s", Scale::Log),
            lines: self.rate_lines(),
        };
        let latencies = Chart {
            title: "Latency at a set rate, single pings".to_owned(),
            x: Axis::new("pings/s due", Scale::Linear),
            y: Axis::new("ms", Scale::Log),
            lines: self.latency_lines(),
        };
        vec![rates, latencies]
    }

    /// A colour for each length of lists, a line for each door.
    fn rate_lines(&self) -> Vec<Line> {
        let lists = distinct(self.rates.iter().map(|(_, cell, _)| cell.list));
        let doors = distinct(self.rates.iter().map(|(door, _, _)| *door));
        let line = |colour: usize, list: u16, door: &'static str| {
            let of = |(of, cell, rate): &(&str, Cell, f64)| {
                (*of == door && cell.list == list).then_some((f64::from(cell.connections), *rate))
            };
            Line {
                name: format!("{door}, {}", pings(list)),
                colour,
                dashed: door == "bare door",
                points: self.rates.iter().filter_map(of).collect(),
            }
        };
        let colours = lists.into_iter().enumerate();
        colours
            .flat_map(|(place, list)| {
                let line = &line;
                doors.iter().enumerate().map(move |(door_place, door)| {
                    // The policies of one length lie close together.
                    line(place + door_place.saturating_sub(1) * 3, list, door)
                })
            })
            .collect()
    }

    fn latency_lines(&self) -> Vec<Line> {
        let policies = distinct(self.latencies.iter().map(|(policy, _, _)| *policy));
        let line = |policy: &'static str, colour: usize, dashed: bool| {
            let (name, per_mille) = QUANTILES[colour];
            let of = |(of, rate, latency): &(&str, f64, Histogram)| {
                // Drawn even where it is too short to be told.
                let latency = latency.quantile(per_mille).max(Duration::from_micros(1));
                (*of == policy).then_some((*rate, ms(latency)))
            };
            Line {
                name: format!("{name}, AOF {policy}"),
                colour,
                dashed,
                points: self.latencies.iter().filter_map(of).collect(),
            }
        };
        let places = policies.into_iter().enumerate();
        places
            .flat_map(|(place, policy)| {
                let line = &line;
                (0..QUANTILES.len()).map(move |colour| line(policy, colour, place == 0))
            })
            .collect()
    }
}

/// Each once, in the order in which they come.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut distinct, one| {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
        distinct
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_door_has_a_line_for_each_length_of_lists() {
        let mut drawn = Drawn::default();
        for list in [1, 100] {
            for connections in [1, 64] {
                for door in ["bare door", "everysec"] {
                    drawn.rates.push((door, Cell { connections, list }, f64::from(list)));
                }
            }
        }
        drawn.latencies.push(("everysec", 5.0, Histogram::default()));
        let charts = drawn.charts();
        let lines: Vec<_> = charts[0]
            .lines
            .iter()
            .map(|line| (line.name.as_str(), line.points.len()))
            .collect();
        assert_eq!(
            lines,
            [
                ("bare door, single pings", 2),
                ("everysec, single pings", 2),
                ("bare door, lists of 100", 2),
                ("everysec, lists of 100", 2)
            ]
        );
        assert_eq!(charts[1].lines.len(), QUANTILES.len());
    }
}
