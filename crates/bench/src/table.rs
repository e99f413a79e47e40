//! The table of all figures, as Markdown for people and as JSON for programs.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::figures::{ms, ratio, us_each};
use crate::histogram::Histogram;
use crate::processes::CpuTimes;

/// The rows in the order in which they were measured.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Table {
    /// The figures.
    pub rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its name for programs: it stays as it is.
    pub name: Cow<'static, str>,
    /// What was measured, for people.
    pub what: String,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: &'static str,
    /// How long answers took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// What each ping cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_each: Option<CpuEach>,
    /// What part it is of other figures of the same run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How it compares with its aim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
}

/// How long answers took, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The 99.9th percentile.
    pub p999_ms: f64,
    /// The longest.
    pub longest_ms: f64,
}

/// Processor time for each ping or request, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CpuEach {
    /// In the load generator.
    pub generator_us: f64,
    /// In the API.
    pub api_us: f64,
    /// In the worker.
    pub worker_us: f64,
    /// In Redis.
    pub redis_us: f64,
    /// In Postgres.
    pub postgres_us: f64,
}

/// A figure divided by another.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// The quotient.
    pub ratio: f64,
    /// What the other figure is.
    pub of: &'static str,
}

/// A figure beside what it is aimed at.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// The number that is compared.
    pub measured: f64,
    /// What it is.
    pub of: &'static str,
    /// What it should be.
    pub aim: Aim,
    /// Whether it is.
    pub met: bool,
}

/// What a number should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// This or more.
    AtLeast(f64),
    /// More than this.
    MoreThan(f64),
    /// This or less.
    AtMost(f64),
    /// Less than this.
    LessThan(f64),
}

impl Table {
    /// Adds a row at the end.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl Row {
    /// A figure in its unit.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, what: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            what: what.into(),
            figure,
            unit,
            latency: None,
            cpu_each: None,
            parts: Vec::new(),
            against: None,
        }
    }

    /// With how long answers took.
    #[must_use]
    pub fn latency(mut self, latency: &Histogram) -> Self {
        self.latency = Some(Latency {
            p50_ms: ms(latency.quantile(500)),
            p99_ms: ms(latency.quantile(990)),
            p999_ms: ms(latency.quantile(999)),
            longest_ms: ms(latency.longest()),
        });
        self
    }

    /// With what each of `count` cost, when all cost `used`.
    #[must_use]
    pub fn cpu(mut self, used: CpuTimes, count: u64) -> Self {
        self.cpu_each = Some(CpuEach {
            generator_us: us_each(used.generator, count),
            api_us: us_each(used.api, count),
            worker_us: us_each(used.worker, count),
            redis_us: us_each(used.redis, count),
            postgres_us: us_each(used.postgres, count),
        });
        self
    }

    /// Beside another figure of the same run: the part that this one is of it.
    #[must_use]
    pub fn part(mut self, whole: f64, of: &'static str) -> Self {
        let ratio = ratio(self.figure, whole);
        self.parts.push(Part { ratio, of });
        self
    }

    /// Beside its aim: `measured` is compared, which may be the figure itself or a ratio `of` something.
    #[must_use]
    pub fn against(mut self, measured: f64, of: &'static str, aim: Aim) -> Self {
        self.against = Some(Against {
            measured,
            of,
            aim,
            met: aim.is_met(measured),
        });
        self
    }

    fn beside(&self) -> String {
        let parts = self
            .parts
            .iter()
            .map(|part| format!("{} of {}", short(part.ratio), part.of));
        let aim = self.against.iter().map(ToString::to_string);
        parts.chain(aim).collect::<Vec<_>>().join("; ")
    }

    fn cells(&self) -> [String; COLUMNS] {
        [
            self.what.clone(),
            format!("{} {}", short(self.figure), self.unit),
            self.latency.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.cpu_each.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.beside(),
            self.against
                .as_ref()
                .map_or("", |against| if against.met { "yes" } else { "NO" })
                .to_owned(),
        ]
    }
}

impl Aim {
    fn is_met(self, measured: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measured >= bound,
            Self::MoreThan(bound) => measured > bound,
            Self::AtMost(bound) => measured <= bound,
            Self::LessThan(bound) => measured < bound,
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self {
            Self::AtLeast(bound) => ("≥", bound),
            Self::MoreThan(bound) => (">", bound),
            Self::AtMost(bound) => ("≤", bound),
            Self::LessThan(bound) => ("<", bound),
        };
        write!(f, "{sign} {}", short(*bound))
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (aim {})", short(self.measured), self.of, self.aim)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} / {} / {}",
            short(self.p50_ms),
            short(self.p99_ms),
            short(self.p999_ms)
        )
    }
}

impl fmt::Display for CpuEach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.generator_us,
            self.api_us,
            self.worker_us,
            self.redis_us,
            self.postgres_us,
        ];
        let parts = parts.map(|us| if us < 0.05 { "-".to_owned() } else { short(us) });
        f.write_str(&parts.join(" / "))
    }
}

const COLUMNS: usize = 6;
const HEADINGS: [&str; COLUMNS] = [
    "what",
    "figure",
    "p50 / p99 / p99.9 ms",
    "CPU µs each: load / api / worker / redis / postgres",
    "beside others and its aim",
    "met",
];

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            lines
                .iter()
                .map(|cells| cells[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        lines.insert(1, widths.map(|width| "-".repeat(width)));
        for cells in lines {
            let padded: Vec<_> = cells
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "| {} |", padded.join(" | "))?;
        }
        Ok(())
    }
}

/// Three digits that count, thousands apart: `45,120`, `320`, `4.71`, `0.63`.
fn short(number: f64) -> String {
    match number.abs() {
        999.5.. => thousands(&format!("{number:.0}")),
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        for (number, text) in [
            (0.634, "0.63"),
            (4.711, "4.71"),
            (47.11, "47.1"),
            (471.1, "471"),
            (999.6, "1,000"),
            (4_711.0, "4,711"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn each_aim_is_met_at_its_bound_only_when_it_says_so() {
        assert!(Aim::AtLeast(0.5).is_met(0.5) && !Aim::AtLeast(0.5).is_met(0.499));
        assert!(Aim::AtMost(1.0).is_met(1.0) && !Aim::AtMost(1.0).is_met(1.001));
        assert!(Aim::MoreThan(1.0).is_met(1.001) && !Aim::MoreThan(1.0).is_met(1.0));
        assert!(Aim::LessThan(100.0).is_met(99.9) && !Aim::LessThan(100.0).is_met(100.0));
    }

    #[test]
    fn a_row_shows_what_part_it_is_of_others_before_its_aim() {
        let row = Row::new("a", "a", 30.0, "pings/s")
            .part(60.0, "the bare door")
            .part(40.0, "raw Redis");
        assert_eq!(row.beside(), "0.50 of the bare door; 0.75 of raw Redis");
        let row = row.against(30.0, "pings/s", Aim::AtLeast(20.0));
        assert!(row.beside().ends_with("0.75 of raw Redis; 30.0 pings/s (aim ≥ 20.0)"));
    }

    #[test]
    fn a_row_shows_its_figure_its_aim_and_whether_it_was_met() {
        let mut table = Table::default();
        table.push(Row::new("a", "a door", 4_512.0, "requests/s").against(0.63, "of the bare door", Aim::AtLeast(0.5)));
        table.push(Row::new("b", "b", 7.0, "ms").against(7.0, "ms", Aim::LessThan(5.0)));
        let text = table.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let first = [
            "",
            "a door",
            "4,512 requests/s",
            "",
            "",
            "0.63 of the bare door (aim ≥ 0.50)",
            "yes",
            "",
        ];
        assert_eq!(cells(lines[2]), first, "{text}");
        assert_eq!(cells(lines[3])[5..7], ["7.00 ms (aim < 5.00)", "NO"], "{text}");
        let widths: Vec<_> = lines.iter().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
