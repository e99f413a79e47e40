//! What was used when.

use domain::accounts::Caller;
use domain::fault::Fault;
use domain::reports::Zone;
use domain::time::{DAY_MS, Span};
use domain::usage::{Segment, Timeline};

use super::{Asked, Period, Reports, ReportsError};

/// The most days one answer covers; a month of a busy person is some tens of thousands of segments.
const DAYS_MAX: u16 = 31;

/// The stretch of time asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelinePeriod {
    /// Whole days of the person.
    Days(Asked),
    /// Between two instants.
    Between(Span),
}

/// A stretch of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineAnswer {
    /// The zone in which days were counted.
    pub zone: Zone,
    /// Maximal segments, cut to the stretch asked for, earliest first; neighbours that differ in their heartbeats alone are one.
    pub segments: Vec<Segment>,
}

impl Reports {
    /// The caller's timeline in `asked`, exactly as it is: no gap is bridged.
    ///
    /// # Errors
    /// [`ReportsError::Invalid`] for a period that runs backwards or is longer than 31 days; otherwise something outside.
    pub async fn timeline(
        &self,
        caller: &Caller,
        asked: TimelinePeriod,
        zone: Option<Zone>,
    ) -> Result<TimelineAnswer, ReportsError> {
        let user = self.user(caller).await?;
        let invalid = |fault| ReportsError::Invalid(vec![fault]);
        let window = match asked {
            TimelinePeriod::Days(asked) => {
                let period =
                    Period::resolve(asked, zone, &user, self.clock.now()).and_then(|period| period.bounded(DAYS_MAX));
                let period = period.map_err(invalid)?;
                period.days.range(period.first, period.last)
            }
            TimelinePeriod::Between(span) => Some(bounded(span).map_err(invalid)?),
        };
        let zone = zone.unwrap_or(user.timezone);
        let Some(window) = window else {
            return Ok(TimelineAnswer {
                zone,
                segments: Vec::new(),
            });
        };
        let mut pieces = self.reader.pieces(caller.user, window).await?;
        // Which heartbeat holds an instant decided what is stored. To whoever reads, what goes on goes on.
        for piece in &mut pieces {
            piece.holder.rank.beat = None;
        }
        Ok(TimelineAnswer {
            zone,
            segments: Timeline::of(pieces).clip(window).into_segments(),
        })
    }
}

fn bounded(span: Span) -> Result<Span, Fault> {
    if span.ms() > i64::from(DAYS_MAX) * DAY_MS {
        return Err(Fault::new(
            "to",
            "too_long",
            format!("must be at most {DAYS_MAX} days after from"),
        ));
    }
    Ok(span)
}
