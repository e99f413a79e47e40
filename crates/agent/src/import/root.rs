//! Reads a JSON file by what stands at its top: ActivityWatch's buckets, one bucket by itself, WakaTime's days, or lists of heartbeats and of names.

use std::io::Read;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess};

use super::activitywatch::{BUCKET_FIELDS, Buckets, Draft};
use super::found::Reading;
use super::json::{As, Key, Shape};
use super::wakatime::{Days, Items};

/// The fields of a bucket first.
const FIELDS: [&str; 8] = [
    BUCKET_FIELDS[0],
    BUCKET_FIELDS[1],
    BUCKET_FIELDS[2],
    BUCKET_FIELDS[3],
    "buckets",
    "days",
    "heartbeats",
    "data",
];

/// Reads a file as it comes.
pub fn read(from: &mut dyn Read, reading: &mut Reading<'_>) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(from);
    As(Root(reading)).deserialize(&mut json)?;
    json.end()
}

struct Root<'r, 'a>(&'r mut Reading<'a>);

impl<'de> Shape<'de> for Root<'_, '_> {
    type Out = ();

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reading = self.0;
        let mut bucket = Draft::default();
        while let Some(place) = map.next_key_seed(Key(&FIELDS))? {
            match place.map(|place| (place, FIELDS[place])) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some((_, "buckets")) => map.next_value_seed(As(Buckets(reading)))?,
                Some((_, "days")) => map.next_value_seed(As(Days(reading)))?,
                Some((_, "heartbeats" | "data")) => map.next_value_seed(As(Items { of: "", reading }))?,
                Some((place, _)) => bucket.field(place, &mut map, reading)?,
            }
        }
        if bucket.is_bucket() {
            bucket.finish(reading);
        }
        Ok(())
    }

    fn other(self) {}
}
