//! Sums of time by day and label, with short gaps bridged.

use crate::accounts::DeviceId;
use crate::fault::Fault;
use crate::time::{SECOND_MS, Span, UnixMs};
use crate::usage::Label;

use super::{LabelTotals, Stint};

/// The longest gap between two neighbours of one device and label that a report counts as theirs. Nothing is stored of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bridge(u32);

impl Bridge {
    /// The longest gap that may be bridged, in seconds.
    pub const SECS_MAX: u32 = 3_600;

    /// Gaps of up to `secs` seconds; 0 bridges none.
    ///
    /// # Errors
    /// A fault of `bridge` when it is over [`Self::SECS_MAX`].
    pub fn from_secs(secs: u32) -> Result<Self, Fault> {
        if secs <= Self::SECS_MAX {
            return Ok(Self(secs));
        }
        Err(Fault::new(
            "bridge",
            "out_of_range",
            format!("must be 0 to {} seconds", Self::SECS_MAX),
        ))
    }

    /// The longest gap, in milliseconds.
    #[must_use]
    pub fn ms(self) -> i64 {
        i64::from(self.0) * SECOND_MS
    }
}

/// Half a minute: six missed pings of a tracker that sends every five seconds.
impl Default for Bridge {
    fn default() -> Self {
        Self(30)
    }
}

/// Sums by stretch of time (usually a day) and label. Fed with stints in the order of time; reading a little beyond both ends (`Bridge::ms`) lets gaps
/// that cross an end be bridged, so the days of a week always add up to the week.
#[derive(Debug, Clone)]
pub struct Tally {
    windows: Vec<Span>,
    totals_ms: Vec<LabelTotals>,
    bridge: Bridge,
    device: Option<DeviceId>,
    last: Option<(UnixMs, DeviceId, Label)>,
}

impl Tally {
    /// Sums for each of `windows`, which are sorted and do not overlap.
    #[must_use]
    pub fn new(windows: Vec<Span>, bridge: Bridge) -> Self {
        let totals_ms = vec![LabelTotals::new(); windows.len()];
        Self {
            windows,
            totals_ms,
            bridge,
            device: None,
            last: None,
        }
    }

    /// Counts the time of one device only. Its neighbours stay those of the whole timeline: a gap in which another device was used is not bridged.
    #[must_use]
    pub fn of_device(mut self, device: Option<DeviceId>) -> Self {
        self.device = device;
        self
    }

    /// Counts a stint that starts where the one before ended or later.
    pub fn push(&mut self, stint: &Stint) {
        let Stint { span, device, label } = stint;
        let device = *device;
        let start = match &self.last {
            Some((end, before, under)) if *before == device && under == label && self.bridges(*end, *span) => *end,
            _ => span.start(),
        };
        if self.device.is_none_or(|only| only == device)
            && let Some(counted) = Span::new(start, span.end())
        {
            self.add(counted, label);
        }
        match &mut self.last {
            // The label is kept, not cloned again, while one goes on: most stints follow one of their own device.
            Some((end, before, under)) if *before == device && under == label => *end = span.end(),
            last => *last = Some((span.end(), device, label.clone())),
        }
    }

    /// Milliseconds by label, for each window in turn.
    #[must_use]
    pub fn into_totals_ms(self) -> Vec<(Span, LabelTotals)> {
        self.windows.into_iter().zip(self.totals_ms).collect()
    }

    fn bridges(&self, end: UnixMs, next: Span) -> bool {
        next.start().0 - end.0 <= self.bridge.ms()
    }

    fn add(&mut self, span: Span, label: &Label) {
        let first = self.windows.partition_point(|window| window.end() <= span.start());
        for (window, totals) in self.windows[first..].iter().zip(&mut self.totals_ms[first..]) {
            let Some(part) = span.clip(*window) else { break };
            match totals.get_mut(label) {
                Some(total) => *total += part.ms(),
                None => drop(totals.insert(label.clone(), part.ms())),
            }
        }
    }
}
