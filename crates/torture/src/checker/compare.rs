//! The comparison, instant by instant: the holder that is stored against the greatest claim that was accepted, and those that nobody knows of.

use std::fmt;

use domain::time::{Span, UnixMs};
use domain::usage::{Attention, Domain, Holder, Segment};

use super::Claimed;

/// A stretch of a person's time that is not held by who must hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Which promise is broken.
    pub(super) breach: Breach,
    /// Where.
    pub(super) span: Span,
    /// Who must hold it: the greatest accepted claim.
    pub(super) expected: Option<Holder>,
    /// Who does.
    pub(super) found: Option<Holder>,
}

/// How a stretch of time can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Breach {
    /// It was accepted, and nobody holds it.
    Missing,
    /// Somebody holds it who never claimed it.
    Extra,
    /// It is held by another than the greatest who claimed it.
    Wrong,
    /// It is held twice.
    Twice,
}

impl Breach {
    pub(super) fn promise(self) -> &'static str {
        match self {
            Self::Missing => "every accepted instant is stored",
            Self::Extra => "nothing is stored that nobody claimed",
            Self::Wrong => "every instant is held by the greatest claim to it",
            Self::Twice => "no instant is stored twice",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.span.start(), self.span.end());
        let (expected, found) = (words(self.expected.as_ref()), words(self.found.as_ref()));
        write!(
            f,
            "{start} to {end} ({} ms): expected {expected}, found {found}",
            self.span.ms()
        )
    }
}

/// Every stretch in which `stored`, in any order, is not what was `claimed`.
///
/// Nothing of the product decides here: the greatest claim to each instant is found anew, from the claims as they were sent.
/// Where something unknown is claimed as well, it may hold the time if it is greater than what was accepted, or nothing was; and nothing else may.
pub(super) fn compare(stored: &[Segment], claimed: &Claimed) -> Vec<Finding> {
    let mut stored = Active::of(stored);
    let mut accepted = Active::of(&claimed.accepted);
    let mut unknown = Active::of(&claimed.unknown);
    let mut cuts: Vec<UnixMs> = [&stored, &accepted, &unknown]
        .into_iter()
        .flat_map(Active::cuts)
        .collect();
    cuts.sort_unstable();
    cuts.dedup();

    let mut findings: Vec<Finding> = Vec::new();
    for span in cuts.windows(2).filter_map(|pair| Span::new(pair[0], pair[1])) {
        let (held, must, may) = (stored.at(span), accepted.at(span), unknown.at(span));
        let expected = must.iter().map(|claim| &claim.holder).max();
        for (breach, found) in judge(held, expected, may) {
            add(
                &mut findings,
                Finding {
                    breach,
                    span,
                    expected: expected.cloned(),
                    found: found.cloned(),
                },
            );
        }
    }
    findings
}

/// What is wrong with an instant that `held` hold.
fn judge<'a>(held: &[&'a Segment], expected: Option<&Holder>, may: &[&Segment]) -> Vec<(Breach, Option<&'a Holder>)> {
    let mut wrong = Vec::new();
    if let Some(second) = held.get(1) {
        wrong.push((Breach::Twice, Some(&second.holder)));
    }
    let Some(found) = held.iter().map(|piece| &piece.holder).max() else {
        wrong.extend(expected.map(|_| (Breach::Missing, None)));
        return wrong;
    };
    let is_unknown = may.iter().any(|claim| claim.holder == *found);
    match expected {
        Some(expected) if found == expected || (is_unknown && found > expected) => {}
        Some(_) => wrong.push((Breach::Wrong, Some(found))),
        None if is_unknown => {}
        None => wrong.push((Breach::Extra, Some(found))),
    }
    wrong
}

/// Appends a finding, or lets one of the same kind go on.
fn add(findings: &mut Vec<Finding>, finding: Finding) {
    let same = |last: &&mut Finding| {
        let alike = (last.breach, &last.expected, &last.found) == (finding.breach, &finding.expected, &finding.found);
        alike && last.span.end() == finding.span.start()
    };
    // Two kinds may be wrong with the same stretches, so the one to go on need not be the last.
    match findings.iter_mut().rev().take(2).find(same) {
        Some(last) => {
            if let Some(longer) = Span::new(last.span.start(), finding.span.end()) {
                last.span = longer;
            }
        }
        None => findings.push(finding),
    }
}

/// Segments by their start, and those of them that hold the present instant.
struct Active<'a> {
    sorted: Vec<&'a Segment>,
    next: usize,
    present: Vec<&'a Segment>,
}

impl<'a> Active<'a> {
    fn of(segments: &'a [Segment]) -> Self {
        let mut sorted: Vec<&Segment> = segments.iter().collect();
        sorted.sort_by_key(|segment| segment.span.start());
        Self {
            sorted,
            next: 0,
            present: Vec::new(),
        }
    }

    fn cuts(&self) -> impl Iterator<Item = UnixMs> {
        self.sorted
            .iter()
            .flat_map(|segment| [segment.span.start(), segment.span.end()])
    }

    /// Those that hold all of `span`. Spans come in order, and between two cuts.
    fn at(&mut self, span: Span) -> &[&'a Segment] {
        self.present.retain(|segment| segment.span.end() > span.start());
        while let Some(segment) = self.sorted.get(self.next)
            && segment.span.start() <= span.start()
        {
            self.present.push(segment);
            self.next += 1;
        }
        &self.present
    }
}

fn words(holder: Option<&Holder>) -> String {
    let Some(Holder { rank, label }) = holder else {
        return "nothing".to_owned();
    };
    let attention = match rank.attention {
        Attention::Active => "active",
        Attention::Passive => "passive",
    };
    let site = label.domain.as_ref().map_or("-", Domain::as_str);
    let app = label.app_name.as_str();
    format!(
        "{app:?} {site}, {attention}, of device {} (precedence {})",
        rank.device, rank.precedence
    )
}

#[cfg(test)]
mod tests;
