//! Line charts as SVG, to be read beside the tables: a few panels side by side, each with two axes, some lines and their names.

use std::fmt::{self, Write};

/// A panel.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What runs to the right.
    pub x: Axis,
    /// What runs up.
    pub y: Axis,
    /// What is drawn.
    pub lines: Vec<Line>,
}

/// An axis. Its ends are those of what is drawn.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it counts, with its unit.
    pub name: &'static str,
    /// How it is divided.
    pub scale: Scale,
    /// What is marked on it: round numbers, where nothing is given.
    pub marks: Vec<f64>,
}

impl Axis {
    /// With round numbers.
    #[must_use]
    pub fn new(name: &'static str, scale: Scale) -> Self {
        Self {
            name,
            scale,
            marks: Vec::new(),
        }
    }
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from 0.
    Linear,
    /// By ratios; what is not above 0 is not drawn.
    Log,
}

/// A line through points.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// Which of the colours it has; they come round again.
    pub colour: usize,
    /// Whether it is broken: for what others are compared with.
    pub dashed: bool,
    /// Where it goes, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Colours that are told apart with any kind of eyes: Okabe and Ito, "Color universal design", 2008.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const PANEL_WIDTH: f64 = 520.0;
const PANEL_HEIGHT: f64 = 330.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;
const LEGEND_LINE: f64 = 16.0;
/// How many ticks a linear axis has, about.
const TICKS: f64 = 5.0;

/// The charts side by side, as an SVG document.
#[must_use]
pub fn page(charts: &[Chart]) -> String {
    let names = charts.iter().map(|chart| chart.lines.len()).max().unwrap_or(0);
    let height = PANEL_HEIGHT + LEGEND_LINE * count(names) + 12.0;
    let width = PANEL_WIDTH * count(charts.len());
    let mut svg = String::new();
    // A `String` takes every write.
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="100%" height="100%" fill="#fff"/>"##
    );
    for (place, chart) in charts.iter().enumerate() {
        let _ = writeln!(svg, r#"<g transform="translate({:.0} 0)">"#, PANEL_WIDTH * count(place));
        let _ = draw(&mut svg, chart);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

#[expect(clippy::cast_precision_loss, reason = "a few panels and lines")]
fn count(number: usize) -> f64 {
    number as f64
}

fn draw(svg: &mut String, chart: &Chart) -> fmt::Result {
    let points = || chart.lines.iter().flat_map(|line| line.points.iter().copied());
    let x = Ruler::over(
        chart.x.scale,
        points().map(|point| point.0),
        (LEFT, PANEL_WIDTH - RIGHT),
    );
    let y = Ruler::over(
        chart.y.scale,
        points().map(|point| point.1),
        (PANEL_HEIGHT - BOTTOM, TOP),
    );
    let middle = f64::midpoint(LEFT, PANEL_WIDTH - RIGHT);
    writeln!(
        svg,
        r#"<text x="{middle:.0}" y="20" text-anchor="middle" font-weight="bold">{}</text>"#,
        escaped(&chart.title)
    )?;
    grid(svg, (&x, &chart.x.marks), (&y, &chart.y.marks))?;
    writeln!(
        svg,
        r#"<text x="{middle:.0}" y="{:.0}" text-anchor="middle">{}</text>
<text transform="translate(16 {:.0}) rotate(-90)" text-anchor="middle">{}</text>"#,
        PANEL_HEIGHT - 10.0,
        escaped(chart.x.name),
        f64::midpoint(TOP, PANEL_HEIGHT - BOTTOM),
        escaped(chart.y.name)
    )?;
    for (place, line) in chart.lines.iter().enumerate() {
        draw_line(svg, line, (&x, &y))?;
        legend(svg, line, PANEL_HEIGHT + LEGEND_LINE * count(place))?;
    }
    Ok(())
}

fn grid(svg: &mut String, (x, x_marks): (&Ruler, &[f64]), (y, y_marks): (&Ruler, &[f64])) -> fmt::Result {
    for (tick, at) in x.marked(x_marks) {
        writeln!(
            svg,
            r##"<path d="M{at:.1} {TOP:.1}V{:.1}" stroke="#ddd"/><text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"##,
            PANEL_HEIGHT - BOTTOM,
            PANEL_HEIGHT - BOTTOM + 16.0,
            label(tick)
        )?;
    }
    for (tick, at) in y.marked(y_marks) {
        writeln!(
            svg,
            r##"<path d="M{LEFT:.1} {at:.1}H{:.1}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"##,
            PANEL_WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            label(tick)
        )?;
    }
    Ok(())
}

fn stroke(line: &Line) -> String {
    let dashes = if line.dashed { r#" stroke-dasharray="5 4""# } else { "" };
    let colour = COLOURS[line.colour % COLOURS.len()];
    format!(r#"fill="none" stroke="{colour}" stroke-width="2"{dashes}"#)
}

fn draw_line(svg: &mut String, line: &Line, (x, y): (&Ruler, &Ruler)) -> fmt::Result {
    let places: Vec<(f64, f64)> = line
        .points
        .iter()
        .filter_map(|point| Some((x.place(point.0)?, y.place(point.1)?)))
        .collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(svg, r#"<polyline points="{}" {}/>"#, path.join(" "), stroke(line))?;
    let colour = COLOURS[line.colour % COLOURS.len()];
    for (x, y) in places {
        writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.5" fill="{colour}"/>"#)?;
    }
    Ok(())
}

fn legend(svg: &mut String, line: &Line, at: f64) -> fmt::Result {
    let (end, text) = (LEFT + 28.0, LEFT + 36.0);
    writeln!(
        svg,
        r#"<path d="M{LEFT:.0} {at:.1}H{end:.0}" {}/><text x="{text:.0}" y="{:.1}">{}</text>"#,
        stroke(line),
        at + 4.0,
        escaped(&line.name)
    )
}

/// Where the values of an axis stand.
struct Ruler {
    scale: Scale,
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Ruler {
    /// For these values, from one place to another.
    fn over(scale: Scale, values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Self {
        let drawn = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
        let (mut least, mut most) = drawn.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        if scale == Scale::Linear {
            least = least.min(0.0);
        }
        // Nothing, or one value alone, has room around it all the same.
        if !least.is_finite() {
            (least, most) = (1.0, 10.0);
        } else if most <= least {
            most = if scale == Scale::Log { least * 10.0 } else { least + 1.0 };
        }
        Self {
            scale,
            least,
            most,
            from,
            to,
        }
    }

    /// Where `value` stands, if it can.
    fn place(&self, value: f64) -> Option<f64> {
        let part = match self.scale {
            Scale::Linear => (value - self.least) / (self.most - self.least),
            Scale::Log if value > 0.0 => (value / self.least).ln() / (self.most / self.least).ln(),
            Scale::Log => return None,
        };
        part.is_finite().then_some(self.from + part * (self.to - self.from))
    }

    /// The values that are marked, and where they stand.
    fn marked(&self, marks: &[f64]) -> Vec<(f64, f64)> {
        let values = if marks.is_empty() {
            self.round_numbers()
        } else {
            marks.to_vec()
        };
        let placed = values.into_iter().filter_map(|value| Some((value, self.place(value)?)));
        placed.collect()
    }

    fn round_numbers(&self) -> Vec<f64> {
        let within = |value: &f64| *value >= self.least * 0.999 && *value <= self.most * 1.001;
        match self.scale {
            Scale::Linear => {
                let step = round_up((self.most - self.least) / TICKS);
                std::iter::successors(Some(0.0), |value| Some(value + step))
                    .take_while(|value| *value <= self.most * 1.001)
                    .collect()
            }
            Scale::Log => {
                let decades = (self.most / self.least).log10();
                let steps: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let first = 10_f64.powf(self.least.log10().floor());
                let decades = std::iter::successors(Some(first), |decade| Some(decade * 10.0));
                decades
                    .take_while(|decade| *decade <= self.most)
                    .flat_map(|decade| steps.iter().map(move |step| decade * step))
                    .filter(within)
                    .collect()
            }
        }
    }
}

/// The next number above that is 1, 2 or 5 of its decade.
fn round_up(number: f64) -> f64 {
    let decade = 10_f64.powf(number.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().find(|step| step * decade >= number);
    step.unwrap_or(10.0) * decade
}

/// Short: `200k`, `1.5M`, `0.5`.
fn label(value: f64) -> String {
    let (scaled, suffix) = match value {
        1e6.. => (value / 1e6, "M"),
        1e3.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let rounded = (scaled * 1e3).round() / 1e3;
    format!("{rounded}{suffix}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, scale: Scale) -> Chart {
        Chart {
            title: "pings & <rates>".to_owned(),
            x: Axis::new("connections", scale),
            y: Axis::new("pings/s", scale),
            lines: vec![Line {
                name: "bare".to_owned(),
                colour: 7,
                dashed: true,
                points,
            }],
        }
    }

    #[test]
    fn the_ends_of_what_is_drawn_are_the_ends_of_the_axes() {
        for scale in [Scale::Linear, Scale::Log] {
            let ruler = Ruler::over(scale, [1.0, 100.0].into_iter(), (10.0, 110.0));
            assert!((ruler.place(100.0).expect("drawn") - 110.0).abs() < 1e-9);
            let least = if scale == Scale::Linear { 0.0 } else { 1.0 };
            assert!((ruler.place(least).expect("drawn") - 10.0).abs() < 1e-9);
        }
        let log = Ruler::over(Scale::Log, [1.0, 100.0].into_iter(), (0.0, 100.0));
        assert!((log.place(10.0).expect("drawn") - 50.0).abs() < 1e-9);
        assert_eq!(log.place(0.0), None);
    }

    #[test]
    fn ticks_are_round_numbers_within_the_ends() {
        let marked = |scale, values: [f64; 2]| {
            let ruler = Ruler::over(scale, values.into_iter(), (0.0, 1.0));
            let marked = ruler.marked(&[]).into_iter();
            marked.map(|mark| label(mark.0)).collect::<Vec<_>>()
        };
        assert_eq!(marked(Scale::Linear, [3.0, 21.0]), ["0", "5", "10", "15", "20"]);
        assert_eq!(marked(Scale::Log, [1.0, 60.0]), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(marked(Scale::Log, [900.0, 1.2e6]), ["1k", "10k", "100k", "1M"]);
    }

    #[test]
    fn a_page_is_drawn_whatever_there_is_to_draw() {
        for points in [
            vec![],
            vec![(1.0, 0.0)],
            vec![(8.0, 5.0), (64.0, f64::NAN)],
            vec![(1.0, 2.0), (512.0, 9e5)],
        ] {
            for scale in [Scale::Linear, Scale::Log] {
                let svg = page(&[chart(points.clone(), scale), chart(points.clone(), scale)]);
                assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
                assert!(svg.contains("pings &amp; &lt;rates&gt;"), "{svg}");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
