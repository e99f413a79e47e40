//! Buckets and events as ActivityWatch's clients write and read them.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use domain::trackers::activitywatch::Stretch;

/// The most characters of one text in an event's data. What is longer is cut, so that the address of a page that holds a picture is no burden.
pub const TEXT_CHARS_MAX: usize = 2_048;
/// The most bytes of an event's data, after that.
pub const DATA_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a bucket's name, type, client or host.
pub const NAME_BYTES_MAX: usize = 255;
/// No event is longer. It is more than anybody's.
pub const DURATION_SECS_MAX: f64 = 10.0 * 366.0 * 86_400.0;

/// A JSON object as text, always written the same way: equal data is equal text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Data(String);

/// One event of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "EventBody")]
pub struct Event {
    /// Its number, once it is kept.
    pub id: Option<i64>,
    /// When it was.
    pub stretch: Stretch,
    /// What was seen.
    pub data: Data,
}

/// A stream of events of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bucket {
    /// Its name. Where it is in the address, that one counts.
    #[serde(default)]
    pub id: String,
    /// What its events' data holds: `currentwindow`, `afkstatus`, `web.tab.current`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The program that writes it.
    #[serde(default)]
    pub client: String,
    /// The machine that it tells of.
    #[serde(default)]
    pub hostname: String,
    /// Since when it is there.
    #[serde(default, deserialize_with = "optional_micros")]
    pub created_us: Option<i64>,
    /// What else its client wants kept.
    #[serde(default)]
    pub data: Data,
}

/// A bucket and the time that its events span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The bucket.
    pub bucket: Bucket,
    /// From the first start to the last end; nothing for an empty one.
    pub stretch: Option<Stretch>,
}

/// A bucket as it is exported and imported.
#[derive(Debug, Deserialize)]
pub struct Filled {
    /// The bucket.
    #[serde(flatten)]
    pub bucket: Bucket,
    /// Its events.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// What cannot be taken as an event or a bucket, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

impl Data {
    /// The text of an object, with texts cut to [`TEXT_CHARS_MAX`].
    pub fn of(mut object: Map<String, Value>) -> Result<Self, Unfit> {
        object.values_mut().for_each(cut);
        let text = Value::Object(object).to_string();
        if text.len() > DATA_BYTES_MAX {
            return Err(Unfit(format!("data must be at most {DATA_BYTES_MAX} bytes long")));
        }
        Ok(Self(text))
    }

    /// The text as it was stored.
    #[must_use]
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The object again.
    #[must_use]
    pub fn object(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Default for Data {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
        Self::of(object).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Bucket {
    /// Nothing is too long.
    pub fn check(&self) -> Result<(), Unfit> {
        let names = [&self.id, &self.kind, &self.client, &self.hostname];
        if names.iter().any(|name| name.len() > NAME_BYTES_MAX) || self.id.is_empty() {
            return Err(Unfit(format!(
                "a bucket's id, type, client and hostname are at most {NAME_BYTES_MAX} bytes long, and its id is not empty"
            )));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct EventBody {
    #[serde(default)]
    id: Option<i64>,
    #[serde(deserialize_with = "micros")]
    timestamp: i64,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    data: Data,
}

impl TryFrom<EventBody> for Event {
    type Error = Unfit;

    fn try_from(body: EventBody) -> Result<Self, Unfit> {
        let duration = body.duration.unwrap_or_default();
        if duration > DURATION_SECS_MAX {
            return Err(Unfit(format!("duration must be at most {DURATION_SECS_MAX} seconds")));
        }
        let (start_us, id, data) = (body.timestamp, body.id, body.data);
        let end_us = start_us.saturating_add(whole_micros(duration).max(0));
        let stretch = Stretch { start_us, end_us };
        Ok(Self { id, stretch, data })
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("timestamp", &rfc3339(self.stretch.start_us))?;
        map.serialize_entry("duration", &seconds(self.stretch))?;
        map.serialize_entry("data", &self.data)?;
        map.end()
    }
}

impl Serialize for Extent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        describe(self, &mut map)?;
        map.end()
    }
}

/// A bucket with its events, as an export holds it.
#[derive(Debug)]
pub struct Exported {
    /// The bucket.
    pub extent: Extent,
    /// Its events, newest first.
    pub events: Vec<Event>,
}

impl Serialize for Exported {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        describe(&self.extent, &mut map)?;
        map.serialize_entry("events", &self.events)?;
        map.end()
    }
}

fn describe<M: SerializeMap>(extent: &Extent, map: &mut M) -> Result<(), M::Error> {
    let bucket = &extent.bucket;
    let (start, end) = (
        extent.stretch.map(|all| all.start_us),
        extent.stretch.map(|all| all.end_us),
    );
    map.serialize_entry("id", &bucket.id)?;
    map.serialize_entry("name", &None::<&str>)?;
    map.serialize_entry("type", &bucket.kind)?;
    map.serialize_entry("client", &bucket.client)?;
    map.serialize_entry("hostname", &bucket.hostname)?;
    map.serialize_entry("created", &bucket.created_us.map(rfc3339))?;
    map.serialize_entry("data", &bucket.data)?;
    let metadata = serde_json::json!({"start": start.map(rfc3339), "end": end.map(rfc3339)});
    map.serialize_entry("metadata", &metadata)?;
    map.serialize_entry("last_updated", &end.map(rfc3339))
}

/// Microseconds since 1970 of a time as RFC 3339 has it. One without a zone is in UTC, as Python's server reads it.
pub fn parse_time(text: &str) -> Result<i64, Unfit> {
    // In an address that was not escaped, the plus sign of the zone has become a space.
    let text = text.trim().replace(' ', "+");
    let zoned = DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc));
    let at = zoned.or_else(|_| text.replace('+', "T").parse::<NaiveDateTime>().map(|at| at.and_utc()));
    at.map(|at| at.timestamp_micros())
        .map_err(|_| Unfit("a time must be as in 2026-03-01T09:00:00+00:00".to_owned()))
}

/// Microseconds in so many seconds; what no clock can count is cut to the range.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a conversion of a float holds at the ends of the range"
)]
pub fn whole_micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

fn rfc3339(at_us: i64) -> String {
    let at = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a float counts the microseconds of 285 years exactly"
)]
fn seconds(stretch: Stretch) -> f64 {
    (stretch.end_us - stretch.start_us) as f64 / 1e6
}

fn micros<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    parse_time(&text).map_err(serde::de::Error::custom)
}

fn optional_micros<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    // A client's idea of when a bucket was made is worth no refusal.
    Ok(text.and_then(|text| parse_time(&text).ok()))
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
                text.truncate(end);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(object) => object.values_mut().for_each(cut),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Result<Event, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_event_is_read_and_written_as_the_python_client_does() {
        let sent = r#"{"id": null, "timestamp": "2026-11-22T04:46:28.795000+00:00", "duration": 1.5, "data": {"title": "ä", "app": "x"}}"#;
        let read = event(sent).expect("an event");
        assert_eq!(read.stretch.end_us - read.stretch.start_us, 1_500_000);
        assert_eq!(read.data.as_str(), r#"{"app":"x","title":"ä"}"#);
        let written = serde_json::to_value(&read).expect("JSON");
        assert_eq!(written, serde_json::from_str::<Value>(sent).expect("JSON"));
    }

    #[test]
    fn times_come_in_the_forms_that_clients_send() {
        let at = parse_time("2026-11-22T04:46:28.795Z").expect("a time");
        for text in [
            "2026-11-22T05:46:28.795+01:00",
            "2026-11-22T05:46:28.795 01:00",
            "2026-11-22T04:46:28.795",
            "2026-11-22 04:46:28.795",
        ] {
            assert_eq!(parse_time(text), Ok(at), "{text}");
        }
        for text in ["", "now", "2026-11-22", "2026-13-22T05:46:28Z"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_empty_and_a_negative_duration_is_none() {
        let bare = event(r#"{"timestamp": "2026-11-22T04:46:28Z", "duration": -3}"#).expect("an event");
        assert_eq!(
            (bare.stretch.end_us - bare.stretch.start_us, bare.data),
            (0, Data::default())
        );
        assert!(event(r#"{"duration": 1}"#).is_err());
        assert!(event(r#"{"timestamp": "2026-11-22T04:46:28Z", "duration": 1e12}"#).is_err());
        assert!(event(r#"{"timestamp": "2026-11-22T04:46:28Z", "data": [1]}"#).is_err());
    }

    #[test]
    fn long_texts_are_cut_and_data_beyond_the_bound_is_refused() {
        let of = |length: usize| {
            let mut object = Map::new();
            object.insert("url".to_owned(), "é".repeat(length).into());
            Data::of(object).expect("fits")
        };
        assert_eq!(of(TEXT_CHARS_MAX + 1), of(TEXT_CHARS_MAX));
        assert_ne!(of(TEXT_CHARS_MAX), of(TEXT_CHARS_MAX - 1));
        let texts = |count: usize| {
            let mut object = Map::new();
            object.insert("a".to_owned(), vec![Value::from("x".repeat(1_021)); count].into());
            // Each text takes 1,024 bytes with its marks and comma, the object around them seven less one.
            Data::of(object).map(|data| data.as_str().len())
        };
        assert_eq!(texts(63), Ok(63 * 1_024 + 7));
        assert!(texts(64).is_err());
    }
}
