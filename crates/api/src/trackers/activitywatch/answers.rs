//! What is asked in paths, queries and bodies, and how the answers are written.

use activitywatch::event::{Bucket, Data, Event, Extent, Filled, NAME_BYTES_MAX, Unfit, parse_time};
use activitywatch::tells;
use actix_web::HttpRequest;
use domain::fault::Fault;
use domain::trackers::activitywatch::{Presence, Stretch, Told};
use ports::trackers::{EventWindow, WatchBucket, WatchEvent};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use services::trackers::{SentEvent, WatchError};

use crate::faults::Faults;
use crate::problem::{Problem, ProblemType};
use crate::query::decode;

/// The most events of an answer, and of each bucket of an export: the newest.
pub(super) const EVENTS_SHOWN_MAX: usize = 10_000;

/// The part of the path that has this name.
pub(super) fn part(request: &HttpRequest, name: &str) -> Result<String, Problem> {
    let part = request.match_info().get(name).unwrap_or_default();
    let part = decode(part).map_err(|_| Problem::new(ProblemType::NotFound, "the path is no UTF-8"))?;
    // No database could even look for it.
    if part.contains('\0') {
        return Err(refused(
            "",
            Fault::new("id", "unfit", "must be without null characters"),
        ));
    }
    Ok(part.into_owned())
}

/// What a body holds as JSON.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(ProblemType::MalformedBody, format!("the body cannot be read: {error}")))
}

/// Which events a query asks for.
pub(super) fn window(request: &HttpRequest) -> Result<EventWindow, Problem> {
    let mut window = EventWindow {
        from_us: i64::MIN,
        to_us: i64::MAX,
        limit: EVENTS_SHOWN_MAX,
    };
    for (name, value) in pairs(request)? {
        match (name.as_str(), value.as_str()) {
            (_, "") => {}
            ("start", time) => window.from_us = parse_time(time).map_err(|unfit| unreadable(&unfit))?,
            ("end", time) => window.to_us = parse_time(time).map_err(|unfit| unreadable(&unfit))?,
            ("limit", limit) => {
                let limit: i64 = limit.parse().map_err(|_| not_whole())?;
                // Negative stands for all of them.
                window.limit = usize::try_from(limit).unwrap_or(EVENTS_SHOWN_MAX).min(EVENTS_SHOWN_MAX);
            }
            _ => {}
        }
    }
    Ok(window)
}

/// The value of a parameter, if there is one.
pub(super) fn parameter(request: &HttpRequest, wanted: &str) -> Result<Option<String>, Problem> {
    let found = pairs(request)?.into_iter().find(|(name, _)| name == wanted);
    Ok(found.map(|(_, value)| value))
}

/// Other clients send other parameters, which mean nothing here.
fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    let pairs = request.query_string().split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?.into_owned(), decode(value)?.into_owned()))
    };
    pairs.map(pair).collect()
}

fn unreadable(unfit: &Unfit) -> Problem {
    Problem::new(ProblemType::MalformedQuery, unfit.to_string())
}

fn not_whole() -> Problem {
    Problem::new(ProblemType::MalformedQuery, "limit must be a whole number")
}

/// What an event tells, and nothing else of it.
pub(super) fn sent(event: &Event) -> SentEvent {
    SentEvent {
        id: event.id,
        stretch: event.stretch,
        tells: tells(&event.data),
    }
}

/// What was sent, as its sender expects to hear of it.
pub(super) fn echo(sent: &Event, (id, stretch): (Option<i64>, Stretch)) -> Event {
    Event {
        id,
        stretch,
        data: sent.data.clone(),
    }
}

/// An event with all that is kept of it.
pub(super) fn shown(event: &WatchEvent) -> Event {
    let (name, value): (&str, Value) = match &event.told {
        Told::App(app) => ("app", app.as_str().into()),
        Told::Presence(Presence::Here) => ("status", "not-afk".into()),
        Told::Presence(Presence::Away) => ("status", "afk".into()),
        Told::Site(site) => ("url", format!("https://{}/", site.as_str()).into()),
        Told::Nothing => ("incognito", true.into()),
    };
    Event {
        id: Some(event.id),
        stretch: event.stretch,
        // Nothing that is kept is too long.
        data: Data::of(Map::from_iter([(name.to_owned(), value)])).unwrap_or_default(),
    }
}

/// A bucket, as it is shown.
pub(super) fn extent(bucket: WatchBucket) -> Extent {
    Extent {
        bucket: Bucket {
            id: bucket.id,
            kind: bucket.kind,
            client: bucket.client,
            hostname: bucket.hostname,
            created_us: Some(bucket.created_us),
            data: Data::default(),
        },
        stretch: bucket.stretch,
    }
}

/// A bucket that somebody wants, named by its path. A watcher in a browser does not know which machine it is on, and nor does this server.
pub(super) fn wanted(id: String, bucket: Bucket, now_us: i64) -> Result<WatchBucket, Problem> {
    const UNKNOWN: &str = "!local";
    let bucket = Bucket { id, ..bucket };
    check(&bucket)?;
    Ok(WatchBucket {
        id: bucket.id,
        kind: bucket.kind,
        client: bucket.client,
        hostname: if bucket.hostname == UNKNOWN {
            String::new()
        } else {
            bucket.hostname
        },
        created_us: bucket.created_us.unwrap_or(now_us),
        stretch: None,
    })
}

/// Nothing is too long, and nothing of it is what no database keeps.
fn check(bucket: &Bucket) -> Result<(), Problem> {
    let names = [&bucket.id, &bucket.kind, &bucket.client, &bucket.hostname];
    if bucket.check().is_err() || names.iter().any(|name| name.contains('\0')) {
        let detail = format!(
            "a bucket's id, type, client and hostname are at most {NAME_BYTES_MAX} bytes of text each, and its id is not empty"
        );
        return Err(refused("", Fault::new("id", "unfit", detail)));
    }
    Ok(())
}

/// A value of a query or of a body that cannot be.
pub(super) fn refused(parent: &str, fault: Fault) -> Problem {
    Problem::invalid(Faults::of(parent, vec![fault]))
}

/// A bucket of an export, named by its place there.
pub(super) fn imported(id: String, filled: Filled, now_us: i64) -> Result<(WatchBucket, Vec<SentEvent>), Problem> {
    let events = filled.events.iter().map(sent).collect();
    Ok((wanted(id, filled.bucket, now_us)?, events))
}

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        let said = error.to_string();
        match error {
            WatchError::NoBucket | WatchError::NoEvent => Self::new(ProblemType::NotFound, said),
            WatchError::TooManyBuckets => Self::new(ProblemType::LimitReached, said),
            WatchError::TooManyEvents => refused("", Fault::new("events", "too_many", said)),
            WatchError::TooOld(_) => refused("", Fault::new("timestamp", "too_old", said)),
            WatchError::InFuture(_) => refused("", Fault::new("timestamp", "in_future", said)),
            WatchError::Outside(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_event_tells_what_is_kept_of_it() {
        let event = |told| WatchEvent {
            id: 7,
            stretch: Stretch {
                start_us: 0,
                end_us: 1_500_000,
            },
            told,
        };
        for told in [
            Told::Presence(Presence::Here),
            Told::Presence(Presence::Away),
            Told::Nothing,
        ] {
            let shown = shown(&event(told.clone()));
            assert_eq!(
                (shown.id, shown.stretch),
                (Some(7), event(Told::Nothing).stretch),
                "{told:?}"
            );
            let again = tells(&shown.data);
            assert_eq!(again.presence.map_or(Told::Nothing, Told::Presence), told);
            assert_eq!((again.app, again.site), (None, None), "{told:?}");
        }
    }
}
