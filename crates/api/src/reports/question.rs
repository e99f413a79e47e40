//! What a report is asked for, out of a query.

use chrono::NaiveDate;
use domain::accounts::DeviceId;
use domain::fault::Fault;
use domain::reports::{Bridge, Zone};
use domain::time::{Span, UnixMs};
use services::reports::{Asked, ContextsQuestion, TimelinePeriod, TotalsQuestion};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::calendar::{day, instant, zone};
use crate::query::Query;

/// The parameters of the reports by application, site and day.
pub(super) const TOTALS_PARAMETERS: &[&str] = &["date", "from", "to", "tz", "bridge", "device"];
/// The parameters of the reports by what trackers said.
pub(super) const CONTEXTS_PARAMETERS: &[&str] = &["date", "from", "to", "tz", "device"];
/// The parameters of the timeline.
pub(super) const TIMELINE_PARAMETERS: &[&str] = &["date", "from", "to", "tz"];

/// `TOTALS_PARAMETERS`, in words.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "tells what the query may hold; it is read one by one")]
pub(crate) struct TotalsParameters {
    /// One day. Not together with `from` and `to`; without any of them it is today.
    #[param(format = Date, example = "2026-03-01", required = false)]
    date: String,
    /// The first day.
    #[param(format = Date, required = false)]
    from: String,
    /// The last day, included; at most 366 days in all.
    #[param(format = Date, required = false)]
    to: String,
    /// The zone in which days are counted; the person's own when it is not given. A `+` may stand as it is, or as `%2B`.
    #[param(example = "Europe/Berlin", required = false)]
    tz: String,
    /// Gaps of up to this many seconds between two neighbours of one device, application and site count as theirs.
    #[param(minimum = 0, maximum = 3600, default = 30, required = false)]
    bridge: u32,
    /// Count the time of this device only.
    #[param(required = false)]
    device: Uuid,
}

/// `CONTEXTS_PARAMETERS`, in words.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "tells what the query may hold; it is read one by one")]
pub(crate) struct ContextsParameters {
    /// One day. Not together with `from` and `to`; without any of them it is today.
    #[param(format = Date, example = "2026-03-01", required = false)]
    date: String,
    /// The first day.
    #[param(format = Date, required = false)]
    from: String,
    /// The last day, included; at most 366 days in all.
    #[param(format = Date, required = false)]
    to: String,
    /// The zone in which days are counted; the person's own when it is not given. A `+` may stand as it is, or as `%2B`.
    #[param(example = "Europe/Berlin", required = false)]
    tz: String,
    /// Count the time of this device only.
    #[param(required = false)]
    device: Uuid,
}

/// `TIMELINE_PARAMETERS`, in words.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "tells what the query may hold; it is read one by one")]
pub(crate) struct TimelineParameters {
    /// One day. Not together with `from` and `to`; without any of them it is today.
    #[param(format = Date, example = "2026-03-01", required = false)]
    date: String,
    /// The first day, or the first instant in RFC 3339. A `+` of its offset may stand as it is, or as `%2B`.
    #[param(required = false)]
    from: String,
    /// The last day, included, or the first instant that is not. At most 31 days in all.
    #[param(required = false)]
    to: String,
    /// The zone in which days are counted; the person's own when it is not given. A `+` may stand as it is, or as `%2B`.
    #[param(example = "Europe/Berlin", required = false)]
    tz: String,
}

/// One end of a stretch of the timeline.
#[derive(Clone, Copy)]
enum End {
    Day(NaiveDate),
    Instant(UnixMs),
}

/// What a report by application, site or day is asked for.
pub(super) fn totals(query: &mut Query<'_>) -> Option<TotalsQuestion> {
    let ends = ends(query, day);
    let zone = query.optional("tz", None, some_zone);
    let bridge = query.optional("bridge", Bridge::default(), bridge);
    let device = query.optional("device", None, |text| device(text).map(Some));
    Some(TotalsQuestion {
        asked: ends?.asked(),
        zone: zone?,
        bridge: bridge?,
        device: device?,
    })
}

/// What a report by what trackers said is asked for.
pub(super) fn contexts(query: &mut Query<'_>) -> Option<ContextsQuestion> {
    let ends = ends(query, day);
    let zone = query.optional("tz", None, some_zone);
    let device = query.optional("device", None, |text| device(text).map(Some));
    Some(ContextsQuestion {
        asked: ends?.asked(),
        zone: zone?,
        device: device?,
    })
}

/// What stretch of the timeline is asked for, and in which zone.
pub(super) fn timeline(query: &mut Query<'_>) -> Option<(TimelinePeriod, Option<Zone>)> {
    let ends = ends(query, end);
    let zone = query.optional("tz", None, some_zone);
    let period = period(ends?);
    Some((query.keep(period)?, zone?))
}

fn period(ends: Ends<End>) -> Result<TimelinePeriod, Fault> {
    match ends {
        Ends::Today => Ok(TimelinePeriod::Days(Asked::Today)),
        Ends::Date(date) => Ok(TimelinePeriod::Days(Asked::Date(date))),
        Ends::Both(End::Day(first), End::Day(last)) => Ok(TimelinePeriod::Days(Asked::Range(first, last))),
        Ends::Both(End::Instant(from), End::Instant(to)) => Span::new(from, to)
            .map(TimelinePeriod::Between)
            .ok_or_else(|| Fault::new("to", "not_after_from", "must be later than from")),
        Ends::Both(..) => {
            let detail = "must be a day if from is one, and an instant if from is one";
            Err(Fault::new("to", "not_like_from", detail))
        }
    }
}

/// `date`, or `from` and `to`, or nothing.
#[derive(Clone, Copy)]
enum Ends<E> {
    Today,
    Date(NaiveDate),
    Both(E, E),
}

impl Ends<NaiveDate> {
    fn asked(self) -> Asked {
        match self {
            Self::Today => Asked::Today,
            Self::Date(date) => Asked::Date(date),
            Self::Both(first, last) => Asked::Range(first, last),
        }
    }
}

fn ends<E>(query: &mut Query<'_>, read: fn(&'static str, &str) -> Result<E, Fault>) -> Option<Ends<E>> {
    let date = query.optional("date", None, |text| day("date", text).map(Some));
    let from = query.optional("from", None, |text| read("from", text).map(Some));
    let to = query.optional("to", None, |text| read("to", text).map(Some));
    // Which are there is one question, whether they are sound another.
    let together = match (query.has("date"), query.has("from"), query.has("to")) {
        (true | false, false, false) | (false, true, true) => Ok(()),
        (true, ..) => Err(Fault::new(
            "date",
            "conflict",
            "must not be given together with from or to",
        )),
        (false, true, false) => Err(Fault::new("to", "required", "must be given together with from")),
        (false, false, true) => Err(Fault::new("from", "required", "must be given together with to")),
    };
    query.keep(together)?;
    match (date?, from?, to?) {
        (Some(date), ..) => Some(Ends::Date(date)),
        (None, Some(from), Some(to)) => Some(Ends::Both(from, to)),
        _ => Some(Ends::Today),
    }
}

fn end(field: &'static str, text: &str) -> Result<End, Fault> {
    if text.len() <= "YYYY-MM-DD".len() {
        day(field, text).map(End::Day)
    } else {
        instant(field, text).map(End::Instant)
    }
}

fn some_zone(name: &str) -> Result<Option<Zone>, Fault> {
    zone("tz", name).map(Some)
}

fn bridge(text: &str) -> Result<Bridge, Fault> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::new("bridge", "wrong_type", "must be a whole number of seconds"));
    }
    // A number that does not fit is out of range, whatever it is.
    Bridge::from_secs(text.parse().unwrap_or(u32::MAX))
}

fn device(text: &str) -> Result<DeviceId, Fault> {
    let id = Uuid::try_parse(text);
    id.map(DeviceId)
        .map_err(|_| Fault::new("device", "wrong_type", "must be the id of a device, a UUID"))
}
